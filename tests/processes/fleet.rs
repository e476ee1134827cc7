//! Machines that share a remote, a directory or a bucket on a real server, and make the same calls at the same time.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use datlake::testing::{Entry, Prefix, Side, Wrap};
use datlake::{Lake, LakeBuilder};
use datlake_core::Location;

use crate::child::{Ended, Process, Remote};
use crate::races::all_done;
use crate::steps::MANY;

/// Machines, and the remote that they share.
struct Fleet {
    folder: tempfile::TempDir,
    remote: Remote,
    /// The library by which clocks of half of the machines are an hour ahead, and of the others an hour behind.
    clocks: Option<String>,
}

impl Fleet {
    fn on_directory() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let remote = Remote::directory(&folder.path().join("shared"));
        Self { folder, remote, clocks: None }
    }

    /// Machines whose clocks are two hours apart.
    fn on_wrong_clocks(test: &str) -> Option<Self> {
        let clocks = std::env::var("DATLAKE_TEST_CLOCKS").ok();
        if clocks.is_none() {
            eprintln!("LEFT OUT: {test} needs libfaketime; ./test gets it where it can");
        }
        clocks.map(|clocks| Self { clocks: Some(clocks), ..Self::on_directory() })
    }

    #[cfg(all(feature = "aws", feature = "azure"))]
    fn on_ceph(test: &str) -> Option<Self> {
        let crate::servers::Server { url, variables } = crate::servers::Server::rgw(test)?;
        Some(Self { folder: tempfile::tempdir().unwrap(), remote: Remote { url, variables }, clocks: None })
    }

    fn home(&self, n: usize) -> PathBuf {
        self.folder.path().join(format!("home-{n}"))
    }

    fn start(&self, n: usize, step: &str) -> Process {
        let offset = if n.is_multiple_of(2) { "+1h" } else { "-1h" };
        // What counts the time since some moment goes on as it does.
        let wrong = |library| [("LD_PRELOAD", library), ("FAKETIME", offset), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];
        let variables = self.clocks.as_deref().map(wrong);
        Process::told(variables.as_ref().map_or(&[], |variables| variables), step, &self.home(n), Some(&self.remote))
    }

    fn builder(&self, name: &str) -> LakeBuilder {
        self.remote.with(Lake::builder().home(self.folder.path().join(name)))
    }

    /// There is one record of the call that was held, whose output each machine gives without running anything; and no claim
    /// is left.
    fn agrees(&self, machines: usize) {
        let asked: Vec<Ended> = (0..machines).map(|n| all_done(vec![self.start(n, "hold")]).remove(0)).collect();
        assert!(asked.iter().all(|child| child.times("ran held") == 0));
        let outputs: Vec<&str> = asked.iter().filter_map(|child| child.find("held in run ")).collect();
        assert_eq!(outputs.len(), machines);
        assert!(outputs.iter().all(|run| *run == outputs[0]), "records differ: {outputs:?}");
        self.no_claims();
    }

    fn no_claims(&self) {
        assert_eq!(self.left(), []);
    }

    /// What is left of claims.
    fn left(&self) -> Vec<Location> {
        let (tell, told) = std::sync::mpsc::channel();
        let tell = Mutex::new(tell);
        let watch: Wrap = Arc::new(move |side, store| {
            if side == Side::Remote {
                tell.lock().unwrap().send(Arc::clone(&store)).unwrap();
            }
            store
        });
        let _lake = self.builder("looks on").wrap_stores(watch).open().unwrap();
        let mut left = Vec::new();
        let mut visit = |entry: Entry| {
            left.push(entry.location);
            ControlFlow::Continue(())
        };
        pollster::block_on(told.recv().unwrap().list(&Prefix::Claims, &mut visit)).unwrap();
        left
    }

    fn runs_one_body(&self) {
        let mut first = self.start(0, "hold");
        first.hears("ran held");
        let mut others: Vec<Process> = (1..32).map(|n| self.start(n % 8, "hold")).collect();
        for other in &mut others {
            other.hears("waits");
        }
        first.goes_on();
        all_done(vec![first]);
        assert_eq!(all_done(others).iter().map(|child| child.times("ran held")).sum::<usize>(), 0);
        self.agrees(8);
    }

    fn takes_over_from_the_killed(&self) {
        let mut holder = self.start(0, "hold shortly");
        holder.hears("ran held");
        let mut waiter = self.start(1, "hold");
        waiter.hears("waits");
        holder.kill();
        waiter.hears("ran held");
        waiter.goes_on();
        all_done(vec![waiter]);
        self.agrees(2);
    }

    fn forgives_who_stood_still(&self) {
        let mut asleep = self.start(0, "hold shortly");
        asleep.hears("ran held");
        asleep.signal("STOP");
        let mut other = self.start(1, "hold");
        other.hears("ran held");
        asleep.signal("CONT");
        // Both are in the body, and both publish.
        asleep.goes_on();
        other.goes_on();
        all_done(vec![asleep, other]);
        self.agrees(2);
    }

    fn shares_a_pipeline(&self) {
        let ended = all_done((0..8).map(|n| self.start(n, "many")).collect());
        let ran = ended.iter().map(|child| child.times("ran one of many")).sum::<usize>();
        assert_eq!(ran, MANY as usize, "each body once");
        assert_eq!(ended.iter().map(|child| child.times("ran total")).sum::<usize>(), 1);
        let totals: Vec<&str> = ended.iter().filter_map(|child| child.find("total ")).collect();
        assert_eq!(totals, vec![(MANY * (MANY - 1)).to_string(); 8]);
        self.no_claims();
    }
}

/// Machines with homes of their own, each 20 ms from the gateway, of which half are cut off from it in the middle of a pipeline.
#[cfg(all(feature = "aws", feature = "azure"))]
mod far {
    use std::time::Duration;

    use datlake_core::Location;

    use super::Fleet;
    use crate::child::{Process, Remote};
    use crate::proxy::{Proxy, Wrong};
    use crate::races::all_done;
    use crate::steps::MANY;

    /// Half of the way there and back.
    const ONE_WAY: Duration = Duration::from_millis(10);

    /// A line to the fleet's gateway, and the remote as it is seen from its end.
    fn line(fleet: &Fleet) -> (Proxy, Remote) {
        let mut variables = fleet.remote.variables.clone();
        let endpoint = variables.iter_mut().find(|(name, _)| name == "AWS_ENDPOINT_URL").unwrap();
        let proxy = Proxy::before(&endpoint.1);
        proxy.goes_wrong(|_| Wrong { delay: ONE_WAY, ..Wrong::default() });
        endpoint.1.clone_from(&proxy.endpoint);
        (proxy, Remote { url: fleet.remote.url.clone(), variables })
    }

    /// How long half of the machines are cut off.
    #[derive(PartialEq)]
    enum Until {
        /// Less than a lease: nobody takes their calls over.
        OthersGoOn,
        /// As long as it takes the others to make all calls, also those that were begun.
        OthersAreDone,
    }

    fn shares_through_a_partition(test: &str, machines: usize, until: Until) {
        let Some(fleet) = Fleet::on_ceph(test) else { return };
        let lines = [line(&fleet), line(&fleet)];
        let step = if until == Until::OthersAreDone { "many for seconds" } else { "many" };
        let start = |n: usize| Process::on(step, &fleet.home(n), Some(&lines[n % 2].1), None);
        let (mut stay, mut cut) = (Vec::new(), Vec::new());
        for n in 0..machines {
            (if n % 2 == 0 { &mut stay } else { &mut cut }).push(start(n));
        }
        cut[0].hears("ran one of many");
        lines[1].0.is_cut();
        for _ in 0..5 {
            stay[0].hears("ran one of many");
        }
        let mut ended = if until == Until::OthersAreDone { all_done(std::mem::take(&mut stay)) } else { Vec::new() };
        lines[1].0.heals();
        ended.extend(all_done(stay));
        ended.extend(all_done(cut));
        assert!(lines[1].0.broken() > 0, "nobody was cut off");
        let totals: Vec<&str> = ended.iter().filter_map(|child| child.find("total ")).collect();
        assert_eq!(totals, vec![(MANY * (MANY - 1)).to_string(); machines]);
        if until == Until::OthersGoOn {
            // One each was heard before.
            let ran = ended.iter().map(|child| child.times("ran one of many")).sum::<usize>() + 6;
            assert_eq!(ran, MANY as usize, "each body once");
            // A heartbeat that was given up may arrive when its claim has gone: `gc` clears that away.
            let left = fleet.left();
            assert!(!left.iter().any(|at| matches!(at, Location::Claim(..))), "{left:?}");
        }
    }

    #[test]
    fn eight_machines_share_a_pipeline_through_a_partition() {
        shares_through_a_partition("eight_machines_share_a_pipeline_through_a_partition", 8, Until::OthersGoOn);
    }

    #[test]
    #[ignore = "takes minutes: 32 processes"]
    fn thirty_two_machines_share_a_pipeline_through_a_partition() {
        let test = "thirty_two_machines_share_a_pipeline_through_a_partition";
        shares_through_a_partition(test, 32, Until::OthersGoOn);
        shares_through_a_partition(test, 32, Until::OthersAreDone);
    }
}

macro_rules! on_each_remote {
    ($($(#[$attribute:meta])* $test:ident: $check:ident;)*) => {
        mod directory {
            $(#[test] fn $test() { super::Fleet::on_directory().$check(); })*
        }
        mod wrong_clocks {
            $(
                #[test]
                fn $test() {
                    if let Some(fleet) = super::Fleet::on_wrong_clocks(stringify!($test)) {
                        fleet.$check();
                    }
                }
            )*
        }
        #[cfg(all(feature = "aws", feature = "azure"))]
        mod ceph {
            $(
                #[test]
                fn $test() {
                    if let Some(fleet) = super::Fleet::on_ceph(stringify!($test)) {
                        fleet.$check();
                    }
                }
            )*
        }
    };
}

on_each_remote! {
    of_32_processes_on_8_machines_one_runs_the_body: runs_one_body;
    another_machine_takes_over_when_the_holder_is_killed: takes_over_from_the_killed;
    a_machine_that_stood_still_adopts_what_another_made_meanwhile: forgives_who_stood_still;
    of_8_machines_that_run_one_pipeline_each_runs_what_no_other_does: shares_a_pipeline;
}
