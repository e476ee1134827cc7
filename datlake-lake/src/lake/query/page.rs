//! One level of names, a page at a time: what is below its folders is not looked at, nor is what the page does not show.

use datlake_core::catalog::AtLevel;
use datlake_core::{Result, Uid};
use datlake_store::wait;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::listing::{Name, Noting, ONE_BY_ONE, Reading};
use crate::lake::{AT_ONCE, Lake, refuse_in_body};
use crate::report::{ListedItem, ListingPage, PageItem, Row};
use crate::sorted::{Sorted, Sorter};

impl Lake {
    /// Files directly under `prefix`, and folders there, sorted by name: up to `most` of those behind `after`, which is the `next` of the page
    /// before, or empty. Documents of others are not read, and what is in the folders is not counted.
    ///
    /// # Errors
    /// As [`Lake::list_folder`].
    ///
    /// ```
    /// use datlake::report::PageItem;
    /// let lake = datlake::Lake::temp()?;
    /// for name in ["raw/a", "raw/b", "raw/c/1", "raw/c/2"] {
    ///     lake.add_bytes(name, name)?;
    /// }
    /// let page = lake.folder_page("raw", "", 2)?;
    /// assert_eq!((page.items.len(), page.next.as_deref()), (2, Some("raw/b")));
    /// let page = lake.folder_page("raw", "raw/b", 2)?;
    /// assert!(matches!(&page.items[..], [PageItem::Folder(folder)] if folder.as_str() == "raw/c") && page.next.is_none());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn folder_page(&self, prefix: &str, after: &str, most: usize) -> Result<ListingPage> {
        refuse_in_body("list the lake")?;
        let folder = prefix.trim_end_matches('/');
        let folder = if folder.is_empty() { None } else { Some(Uid::chosen(folder)?) };
        wait(self.read_page(folder.as_ref(), after, most.max(1)))
    }

    async fn read_page(&self, folder: Option<&Uid>, after: &str, most: usize) -> Result<ListingPage> {
        let places = self.places_behind(folder, after).await?;
        let files = places.iter().filter(|place| place.as_ref().is_ok_and(|place| place.ends_with(&[0, 0])));
        let many = files.take(ONE_BY_ONE + 1).count().min(most) > ONE_BY_ONE;
        let mut places = places.iter().peekable();
        // A file of the folder's own name stands before what is in it.
        let mut own = folder.filter(|_| after.is_empty()).cloned().map(AtLevel::Name);
        let asked = self.replaced_in(folder, if many { most } else { 0 }).await?;
        let mut reading = Reading { lake: self.clone(), asked, noting: Noting::Nothing, many, remote: None };
        let mut page = ListingPage::default();
        let mut last = None;
        // What is shown may be less than what there seems to be: empty folders, and names whose calls never finished.
        while page.items.len() < most && (own.is_some() || places.peek().is_some()) {
            let some = own.take().map(Ok).into_iter();
            let some = some.chain(places.by_ref().map(|place| read_place(&place?)));
            let some: Vec<_> = some.take(most - page.items.len()).collect::<Result<_>>()?;
            last = some.last().map(place_of);
            let mut items = self.folders_with_names(&some).await?;
            for row in reading.rows_of(some.into_iter().filter_map(file).collect()).await? {
                match row {
                    Row::Whole(ListedItem::File(row)) => items.push(PageItem::File(row)),
                    Row::Whole(ListedItem::Folder(_)) => {}
                    Row::Damaged { damaged } => page.damaged.push(damaged),
                }
            }
            items.sort_by(|a, b| order_of(a).cmp(&order_of(b)));
            page.items.append(&mut items);
        }
        page.next = places.peek().and(last);
        Ok(page)
    }

    /// The names and folders of a level that stand behind a place, in order.
    async fn places_behind(&self, folder: Option<&Uid>, after: &str) -> Result<Sorted> {
        self.contact_remote().await?;
        let (mut places, mut failed) = (Sorter::default(), None);
        let after = spelled(after.strip_suffix('/').unwrap_or(after), after.ends_with('/'));
        let gather = |found: AtLevel| {
            let place = match &found {
                AtLevel::Name(uid) => spelled(uid.as_str(), false),
                AtLevel::Folder(uid) => spelled(uid.as_str(), true),
            };
            if place > after {
                failed = failed.take().or(places.push(&place).err());
            }
        };
        self.catalog().each_at_level(folder, gather).await?;
        failed.map_or_else(|| places.sorted(), Err)
    }

    /// Those of the folders that have names in them.
    async fn folders_with_names(&self, some: &[AtLevel]) -> Result<Vec<PageItem>> {
        let folders = some.iter().filter_map(|found| if let AtLevel::Folder(uid) = found { Some(uid) } else { None });
        let looked = stream::iter(folders)
            .map(|uid| async move { Ok(self.catalog().has_names(uid).await?.then(|| PageItem::Folder(uid.clone()))) });
        looked.buffered(AT_ONCE).try_filter_map(|found| async move { Ok(found) }).try_collect().await
    }
}

fn file(found: AtLevel) -> Option<Name> {
    if let AtLevel::Name(uid) = found { Some(Name::File(uid)) } else { None }
}

/// As places are sorted: a file before the folder of the same name, and both before names that go on. No name has a zero in it.
fn spelled(name: &str, is_folder: bool) -> Vec<u8> {
    [name.as_bytes(), &[0, u8::from(is_folder)]].concat()
}

fn read_place(place: &[u8]) -> Result<AtLevel> {
    let (name, end) = place.split_at(place.len() - 2);
    let uid = Uid::chosen(&String::from_utf8_lossy(name))?;
    Ok(if end == [0, 1] { AtLevel::Folder(uid) } else { AtLevel::Name(uid) })
}

/// How others say it.
fn place_of(found: &AtLevel) -> String {
    match found {
        AtLevel::Name(uid) => uid.to_string(),
        AtLevel::Folder(uid) => format!("{uid}/"),
    }
}

fn order_of(item: &PageItem) -> (&str, bool) {
    match item {
        PageItem::File(row) => (row.uid.as_str(), false),
        PageItem::Folder(uid) => (uid.as_str(), true),
    }
}
