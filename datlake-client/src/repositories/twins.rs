//! The asynchronous twins of blocking methods: one line each.
//!
//! A twin takes what it borrows along to a thread for that, and calls the blocking method there. When its future is dropped, the method goes on to
//! its end. Lists are read whole.

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::time::Duration;

use datlake_core::Result;
use datlake_store::offload_method;

use super::branch::Branch;
use super::client::Client;
use super::import::{ImportManager, ImportResult};
use super::object::{CommonPrefix, ListedItem, ObjectInfo};
use super::pages::ListOptions;
use super::reader::ObjectReader;
use super::reference::Reference;
use super::repository::Repository;
use super::tag::Tag;
use super::transaction::BranchTransaction;
use super::wire::{Change, Commit, ImportStatus, RepositoryProperties, ServerConfiguration};
use super::writer::ObjectWriter;

macro_rules! twins {
    ($(impl $type:ident { $($twin:ident = $name:ident($($arg:ident: $kind:tt),*) -> $out:ty $(=> $into:expr)?;)* })*) => {
        $(impl $type { $(
            #[doc = concat!("The asynchronous twin of [`", stringify!($type), "::", stringify!($name), "`].")]
            ///
            /// # Errors
            #[doc = concat!("As [`", stringify!($type), "::", stringify!($name), "`].")]
            pub async fn $twin(&self, $($arg: declared!($kind)),*) -> Result<$out> {
                let this = self.clone();
                $(let $arg = kept!($kind $arg);)*
                offload_method(move || this.$name($(given!($kind $arg)),*) $(.and_then($into))?).await?
            }
        )* })*
    };
}

macro_rules! declared {
    (text) => { &str };
    (maybe_text) => { Option<&str> };
    (bytes) => { impl AsRef<[u8]> };
    (notes) => { &BTreeMap<String, String> };
    (($kind:ty)) => { $kind };
}

macro_rules! kept {
    (text $arg:ident) => {
        $arg.to_owned()
    };
    (maybe_text $arg:ident) => {
        $arg.map(str::to_owned)
    };
    (bytes $arg:ident) => {
        $arg.as_ref().to_vec()
    };
    (notes $arg:ident) => {
        $arg.clone()
    };
    (($kind:ty) $arg:ident) => {
        $arg
    };
}

macro_rules! given {
    (text $arg:ident) => {
        &$arg
    };
    (maybe_text $arg:ident) => {
        $arg.as_deref()
    };
    (bytes $arg:ident) => {
        $arg
    };
    (notes $arg:ident) => {
        &$arg
    };
    (($kind:ty) $arg:ident) => {
        $arg
    };
}

/// Lists, which ask while they are read.
macro_rules! lists {
    ($(impl $type:ident { $($twin:ident = $name:ident($($arg:ident: $kind:tt),*) -> $out:ty;)* })*) => {
        $(impl $type { $(
            #[doc = concat!("All of [`", stringify!($type), "::", stringify!($name), "`], asynchronously.")]
            ///
            /// # Errors
            /// The first that the list has.
            pub async fn $twin(&self, $($arg: declared!($kind)),*) -> Result<Vec<$out>> {
                let this = self.clone();
                $(let $arg = kept!($kind $arg);)*
                offload_method(move || this.$name($(given!($kind $arg)),*).collect()).await?
            }
        )* })*
    };
}

pub(crate) use {declared, given, kept, twins};

twins! {
    impl Client {
        configuration_async = configuration() -> ServerConfiguration;
    }

    impl Repository {
        create_async = create(storage_namespace: text, default_branch: maybe_text, include_samples: (bool)) -> Repository;
        get_or_create_async = get_or_create(storage_namespace: text, default_branch: maybe_text, include_samples: (bool)) -> Repository;
        properties_async = properties() -> RepositoryProperties;
        metadata_async = metadata() -> BTreeMap<String, String>;
        delete_async = delete() -> ();
    }

    impl Reference {
        commit_info_async = commit_info() -> Commit;
        commit_message_async = commit_message() -> String;
        metadata_async = metadata() -> BTreeMap<String, String>;
        merge_into_async = merge_into(destination: text) -> String;
        download_async = download(path: text) -> Vec<u8>;
        stat_object_async = stat_object(path: text) -> ObjectInfo;
        exists_async = exists(path: text) -> bool;
        open_async = open(path: text, pre_signed: (Option<bool>)) -> ObjectReader;
    }

    impl Tag {
        create_async = create(source: text) -> Tag;
        delete_async = delete() -> ();
    }

    impl Branch {
        create_async = create(source: text) -> Branch;
        head_async = head() -> Reference;
        delete_async = delete() -> ();
        upload_async = upload(data: bytes, path: text) -> ObjectInfo;
        create_object_async = create_object(path: text, pre_signed: (Option<bool>)) -> ObjectWriter;
        copy_object_async = copy_object(from: text, from_path: text, path: text) -> ObjectInfo;
        commit_changes_async = commit_changes(message: text, metadata: notes) -> Commit;
        reset_async = reset(path: maybe_text) -> ();
        revert_async = revert(reference: text) -> Commit;
        cherry_pick_async = cherry_pick(reference: text) -> Commit;
        begin_transaction_async = begin_transaction(commit_message: text) -> BranchTransaction;
    }

    impl ObjectInfo {
        delete_async = delete() -> ();
    }

    impl CommonPrefix {
        exists_async = exists() -> bool;
    }

    impl ImportManager {
        status_async = status() -> ImportStatus;
        wait_async = wait(poll_interval: (Option<Duration>)) -> ImportResult;
        cancel_async = cancel() -> ();
    }
}

lists! {
    impl Client {
        repositories_async = repositories(how: (ListOptions)) -> Repository;
    }

    impl Repository {
        list_branches_async = list_branches(how: (ListOptions)) -> Branch;
        list_tags_async = list_tags(how: (ListOptions)) -> Tag;
    }

    impl Reference {
        log_async = log(max_amount: (Option<usize>)) -> Commit;
        diff_async = diff(other: text, how: (ListOptions)) -> Change;
        list_objects_async = list_objects(how: (ListOptions)) -> ListedItem;
    }

    impl Branch {
        list_uncommitted_async = list_uncommitted(how: (ListOptions)) -> Change;
    }
}

impl Branch {
    /// The asynchronous twin of [`Branch::delete_objects`].
    ///
    /// # Errors
    /// As [`Branch::delete_objects`].
    pub async fn delete_objects_async(&self, paths: &[impl AsRef<str>]) -> Result<()> {
        let (this, paths): (_, Vec<String>) =
            (self.clone(), paths.iter().map(|path| path.as_ref().to_owned()).collect());
        offload_method(move || this.delete_objects(&paths)).await?
    }
}

impl BranchTransaction {
    /// The asynchronous twin of [`BranchTransaction::commit`].
    ///
    /// # Errors
    /// As [`BranchTransaction::commit`].
    pub async fn commit_async(self) -> Result<Option<String>> {
        offload_method(move || self.commit()).await?
    }
}

impl ImportManager {
    /// The asynchronous twin of [`ImportManager::start`].
    ///
    /// # Errors
    /// As [`ImportManager::start`].
    pub async fn start_async(&mut self) -> Result<String> {
        let mut this = self.clone();
        let (this, started) = offload_method(move || {
            let started = this.start();
            (this, started)
        })
        .await?;
        *self = this;
        started
    }

    /// The asynchronous twin of [`ImportManager::run`].
    ///
    /// # Errors
    /// As [`ImportManager::run`].
    pub async fn run_async(&mut self, poll_interval: Option<Duration>) -> Result<ImportResult> {
        self.start_async().await?;
        self.wait_async(poll_interval).await
    }
}

impl ObjectReader {
    /// Reads so many bytes from `start` on, or to the end; the reader with them.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn read_at_async(mut self, start: u64, length: u64) -> Result<(Self, Vec<u8>)> {
        offload_method(move || {
            let failed = |e| datlake_core::Error::io("read", "an object", e);
            self.seek(std::io::SeekFrom::Start(start)).map_err(failed)?;
            let mut bytes = Vec::new();
            self.by_ref().take(length).read_to_end(&mut bytes).map_err(failed)?;
            Ok((self, bytes))
        })
        .await?
    }
}

impl ObjectWriter {
    /// The asynchronous twin of [`ObjectWriter::close`].
    ///
    /// # Errors
    /// As [`ObjectWriter::close`].
    pub async fn close_async(mut self) -> Result<ObjectInfo> {
        offload_method(move || self.close()).await?
    }
}
