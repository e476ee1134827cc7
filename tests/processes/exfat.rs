//! Processes that are killed, and race, on a disk without hard links.

use crate::disk::again;

#[test]
fn a_process_killed_on_a_disk_without_hard_links_leaves_all_or_nothing() {
    let killed = "crashes::a_process_killed_at_any_change_leaves_all_or_nothing";
    again("a_process_killed_on_a_disk_without_hard_links_leaves_all_or_nothing", &[killed]);
}

#[test]
fn a_process_killed_beside_a_remote_without_hard_links_leaves_all_or_nothing() {
    let killed = "crashes::a_process_killed_at_any_change_of_a_remote_leaves_all_or_nothing";
    again("a_process_killed_beside_a_remote_without_hard_links_leaves_all_or_nothing", &[killed]);
}

#[test]
fn processes_race_on_a_disk_without_hard_links_as_elsewhere() {
    again("processes_race_on_a_disk_without_hard_links_as_elsewhere", &["races::", "fleet::directory::"]);
}
