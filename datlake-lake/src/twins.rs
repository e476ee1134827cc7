//! The asynchronous twins of blocking methods: one line each.
//!
//! A twin takes what it borrows along to a thread of datlake's own and calls the blocking method there, in the scope of whoever
//! awaits it. When its future is dropped, the method goes on to its end, so that nothing is left half done.
//!
//! Elsewhere are only those twins whose work is asynchronous itself, so that the blocking method waits for them, and those
//! that change what they are called on.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use datlake_core::{CallKey, CreatorName, Result, Uid};
use datlake_store::{AsyncReader, offload_method};
use serde_json::Value;

use crate::file::{AsyncFileWriter, File, FileWriter, LocalFolder, StagedPath, Tree, TreeWriter, Unverified};
use crate::handle::Lake;
use crate::lake::{AsyncLakeWriter, CallQuery, Evict, Files, LakeBuilder, LakeWriter, Prune, Replacing, Rows};
use crate::origin::Origin;
use crate::report::{
    CallDiff, CallExplanation, CallInfo, CallRow, CallSources, CheckedOut, Cleaned, CommitInfo, CommittedCall,
    CreatorCode, Downstream, Evicted, FileInfo, FolderChanges, FoundCalls, History, Imported, LakeStatus, LineageGraph,
    ListedItem, Listing, ListingPage, MergeResult, NameHistory, ObjectChanges, ObjectInfo, ObjectPage, Outbox,
    OutsideCheck, RemoteCheck, Removal, Repack, Repaired, RunDiff, RunInfo, Runs, SignedUrl, UnpushedRow, Upstream,
};
use crate::repository::{
    Branch, BranchPlace, ChangeSet, CheckoutOptions, CommitMessage, DiffQuery, LogQuery, MergeOptions, NewRepository,
    ObjectQuery, Reference, Repository, RepositoryAddress, Tag, Transaction, Upload, WorkingCopy,
};
use crate::scope;

/// `twin = method(arguments) -> output;` is a twin whose arguments are those of the method; `=> function` makes its output of
/// the method's.
macro_rules! twins {
    ($(impl $type:ident {
        $($(#[$doc:meta])* $twin:ident = $name:ident($($args:tt)*) -> $out:ty $(=> $into:expr)?;)*
    })*) => {
        $(impl $type { $(twin! { [$(#[$doc])*] $type $twin $name [$out] [$(.and_then($into))?] [] [] [] $($args)* })* })*
    };
}

/// One twin. Its arguments are read from left to right: as they are declared, as they are kept for the other thread, and as the
/// method gets them.
macro_rules! twin {
    ([$($doc:tt)*] $type:ident $twin:ident $name:ident [$out:ty] [$($into:tt)*] [$($declared:tt)*] [$($kept:tt)*] [$($given:tt)*]) => {
        #[doc = concat!("The asynchronous twin of [`", stringify!($type), "::", stringify!($name), "`].")]
        ///
        /// # Errors
        #[doc = concat!("As [`", stringify!($type), "::", stringify!($name), "`].")]
        $($doc)*
        pub async fn $twin($($declared)*) -> Result<$out> {
            let here = scope::polled_here();
            $($kept)*
            offload_method(move || here.run(|| $type::$name($($given)*))).await?$($into)*
        }
    };
    ($doc:tt $type:ident $twin:ident $name:ident $out:tt $into:tt [] [] [] &$self:ident $(, $($rest:tt)*)?) => {
        twin! { $doc $type $twin $name $out $into [&$self,] [let this = $self.clone();] [&this,] $($($rest)*)? }
    };
    ($doc:tt $type:ident $twin:ident $name:ident $out:tt $into:tt [] [] [] $self:ident) => {
        twin! { $doc $type $twin $name $out $into [$self] [] [$self] }
    };
    (
        $doc:tt $type:ident $twin:ident $name:ident $out:tt $into:tt [$($declared:tt)*] [$($kept:tt)*] [$($given:tt)*]
        $arg:ident: Option<&str> $(, $($rest:tt)*)?
    ) => {
        twin! {
            $doc $type $twin $name $out $into [$($declared)* $arg: Option<&str>,]
            [$($kept)* let $arg = $arg.map(str::to_owned);] [$($given)* $arg.as_deref(),] $($($rest)*)?
        }
    };
    (
        $doc:tt $type:ident $twin:ident $name:ident $out:tt $into:tt [$($declared:tt)*] [$($kept:tt)*] [$($given:tt)*]
        $arg:ident: &[impl AsRef<str>] $(, $($rest:tt)*)?
    ) => {
        twin! {
            $doc $type $twin $name $out $into [$($declared)* $arg: &[impl AsRef<str>],]
            [$($kept)* let $arg: Vec<String> = $arg.iter().map(|text| text.as_ref().to_owned()).collect();]
            [$($given)* &$arg,] $($($rest)*)?
        }
    };
    (
        $doc:tt $type:ident $twin:ident $name:ident $out:tt $into:tt [$($declared:tt)*] [$($kept:tt)*] [$($given:tt)*]
        $arg:ident: impl AsRef<$to:ty> $(, $($rest:tt)*)?
    ) => {
        twin! {
            $doc $type $twin $name $out $into [$($declared)* $arg: impl AsRef<$to>,]
            [$($kept)* let $arg = AsRef::<$to>::as_ref(&$arg).to_owned();] [$($given)* &$arg,] $($($rest)*)?
        }
    };
    (
        $doc:tt $type:ident $twin:ident $name:ident $out:tt $into:tt [$($declared:tt)*] [$($kept:tt)*] [$($given:tt)*]
        $arg:ident: impl Into<$to:ty> $(, $($rest:tt)*)?
    ) => {
        twin! {
            $doc $type $twin $name $out $into [$($declared)* $arg: impl Into<$to>,]
            [$($kept)* let $arg: $to = $arg.into();] [$($given)* $arg,] $($($rest)*)?
        }
    };
    (
        $doc:tt $type:ident $twin:ident $name:ident $out:tt $into:tt [$($declared:tt)*] [$($kept:tt)*] [$($given:tt)*]
        $arg:ident: &$to:ty $(, $($rest:tt)*)?
    ) => {
        twin! {
            $doc $type $twin $name $out $into [$($declared)* $arg: &$to,] [$($kept)* let $arg = $arg.to_owned();]
            [$($given)* &$arg,] $($($rest)*)?
        }
    };
    (
        $doc:tt $type:ident $twin:ident $name:ident $out:tt $into:tt [$($declared:tt)*] $kept:tt [$($given:tt)*]
        $arg:ident: $to:ty $(, $($rest:tt)*)?
    ) => {
        twin! { $doc $type $twin $name $out $into [$($declared)* $arg: $to,] $kept [$($given)* $arg,] $($($rest)*)? }
    };
}

twins! {
    impl Lake {
        accept_remote_async = accept_remote(&self) -> usize;
        add_bytes_async = add_bytes(&self, uid: &str, bytes: impl AsRef<[u8]>) -> File;
        add_each_of_async = add_each_of(&self, prefix: &str, folder: &LocalFolder) -> Vec<(File, bool)>;
        add_each_async = add_each(&self, prefix: &str, path: impl AsRef<Path>) -> Vec<(File, bool)>;
        add_folder_async = add_folder(&self, uid: &str, folder: &LocalFolder) -> Tree;
        add_path_async = add_path(&self, uid: &str, path: impl AsRef<Path>) -> File;
        add_tree_async = add_tree(&self, uid: &str, path: impl AsRef<Path>) -> Tree;
        apply_async = apply(&self, removal: &Removal, cascade: bool) -> Vec<Uid>;
        call_code_async = call_code(&self, call: &str) -> CallSources;
        call_info_async = call_info(&self, call: &str) -> CallInfo;
        check_remote_async = check_remote(&self) -> RemoteCheck;
        clean_async = clean(&self) -> Cleaned;
        compare_async = compare(&self, was: &str, now: &str) -> CallDiff;
        create_async = create(&self, uid: &str) -> AsyncLakeWriter => LakeWriter::into_async;
        current_async = current() -> Lake;
        downstream_async = downstream(&self, uid: &str, depth: usize, limit: usize) -> Downstream;
        evict_async = evict(&self, what: Evict) -> Evicted;
        exists_async = exists(&self, uid: &str) -> bool;
        creator_code_async = creator_code(&self, creator: &str) -> CreatorCode;
        explain_async = explain(&self, call: &str) -> CallExplanation;
        explain_sources_async = explain_sources(&self, call: &str) -> CallExplanation;
        file_async = file(&self, uid: &str) -> File;
        folder_page_async = folder_page(&self, prefix: &str, after: &str, most: usize) -> ListingPage;
        forget_async = forget(&self, uids: &[impl AsRef<str>]) -> Vec<Uid>;
        find_calls_async = find_calls(&self, query: &CallQuery) -> FoundCalls;
        history_async = history(&self, creator: Option<&str>) -> History;
        info_async = info(&self, uid: &str) -> FileInfo;
        lineage_contents_async = lineage_contents(&self, graph: &LineageGraph) -> LineageGraph;
        lineage_graph_async =
            lineage_graph(&self, asked: &str, up: usize, down: usize, limit: usize) -> LineageGraph;
        list_async = list(&self, prefix: &str) -> Files;
        log_async = log(&self, uid: &str) -> NameHistory;
        file_rows_async = file_rows(&self, prefix: &str) -> Rows<ListedItem>;
        folder_rows_async = folder_rows(&self, prefix: &str) -> Rows<ListedItem>;
        tree_rows_async = tree_rows(&self, tree: &str, path: &str, recursive: bool) -> Rows<ListedItem>;
        history_rows_async = history_rows(&self, creator: Option<&str>) -> Rows<CallRow>;
        list_files_async = list_files(&self, prefix: &str) -> Listing;
        list_folder_async = list_folder(&self, prefix: &str) -> Listing;
        standing_async = standing(&self) -> LakeStatus;
        unpushed_rows_async = unpushed_rows(&self) -> Rows<UnpushedRow>;
        pipeline_graph_async = pipeline_graph(&self) -> LineageGraph;
        prunable_async = prunable(&self, prune: Prune) -> Removal;
        removal_async = removal(&self, uids: &[impl AsRef<str>]) -> Removal;
        remove_async = remove(&self, uid: &str) -> Vec<Uid>;
        repack_async = repack(&self) -> Repack;
        repositories_async = repositories(&self) -> Vec<Repository>;
        repository_address_async = repository_address(&self, text: &str) -> Option<RepositoryAddress>;
        repository_async = repository(&self, name: &str) -> Repository;
        repair_async = repair(&self, uid: &str) -> Repaired;
        resolve_call_async = resolve_call(&self, text: &str) -> Option<(CreatorName, CallKey)>;
        resolve_async = resolve(&self, text: &str) -> Uid;
        returned_async = returned(&self, call: &str) -> Value;
        run_async = run(&self, run: &str) -> RunInfo;
        compare_runs_async = compare_runs(&self, was: &str, now: &str) -> RunDiff;
        outbox_async = outbox(&self) -> Outbox;
        runs_async = runs(&self, limit: usize) -> Runs;
        status_async = status(&self) -> LakeStatus;
        temp_async = temp() -> Lake;
        upstream_async = upstream(&self, uid: &str, depth: usize) -> Upstream;
        working_copy_async = working_copy(&self, folder: impl AsRef<Path>) -> WorkingCopy;
        url_async = url(&self, uid: &str, expires: Duration) -> SignedUrl;
    }

    impl Replacing {
        add_bytes_async = add_bytes(&self, uid: &str, bytes: impl AsRef<[u8]>) -> File;
        add_each_of_async = add_each_of(&self, prefix: &str, folder: &LocalFolder) -> Vec<(File, bool)>;
        add_each_async = add_each(&self, prefix: &str, path: impl AsRef<Path>) -> Vec<(File, bool)>;
        add_folder_async = add_folder(&self, uid: &str, folder: &LocalFolder) -> Tree;
        add_path_async = add_path(&self, uid: &str, path: impl AsRef<Path>) -> File;
        add_tree_async = add_tree(&self, uid: &str, path: impl AsRef<Path>) -> Tree;
    }

    impl LakeBuilder {
        configured_async = configured() -> LakeBuilder;
        open_async = open(self) -> Lake;
    }

    impl File {
        create_async = create(name: &str) -> AsyncFileWriter => FileWriter::into_async;
        exists_async = exists(uid: &str) -> bool;
        from_bytes_async = from_bytes(name: &str, bytes: impl AsRef<[u8]>) -> File;
        from_path_async = from_path(name: &str, path: impl AsRef<Path>) -> File;
        get_async = get(uid: &str) -> File;
        is_local_async = is_local(&self) -> bool;
        lineage_async = lineage(&self) -> Origin;
        ///
        /// ```
        /// use tokio::io::AsyncBufReadExt as _;
        ///
        /// # #[tokio::main]
        /// # async fn main() -> datlake::Result<()> {
        /// let file = datlake::Lake::temp()?.add_bytes("a.txt", "a\nb\n")?;
        /// let mut lines = file.open_async().await?.lines();
        /// assert_eq!(lines.next_line().await?.as_deref(), Some("a"));
        /// assert_eq!(file.read_async().await?, b"a\nb\n");
        /// # Ok(())
        /// # }
        /// ```
        open_async = open(&self) -> AsyncReader => |reader| Ok(AsyncReader::new(reader));
        path_async = path(&self) -> PathBuf;
        read_async = read(&self) -> Vec<u8>;
        read_range_async = read_range(&self, range: Range<u64>) -> Vec<u8>;
        read_to_string_async = read_to_string(&self) -> String;
        stage_async = stage(name: &str) -> StagedPath;
        stored_path_async = stored_path(&self) -> PathBuf;
    }

    impl Unverified {
        open_async = open(&self) -> AsyncReader => |reader| Ok(AsyncReader::new(reader));
        read_range_async = read_range(&self, range: Range<u64>) -> Vec<u8>;
    }

    impl LocalFolder {
        read_async = read(path: impl AsRef<Path>) -> LocalFolder;
    }

    impl StagedPath {
        finish_async = finish(self) -> File;
    }

    impl Tree {
        create_async = create(name: &str) -> TreeWriter;
        files_async = files(&self) -> Vec<File>;
        get_async = get(&self, name: &str) -> File;
        get_uid_async = get_uid(uid: &str) -> Tree;
        lineage_async = lineage(&self) -> Origin;
        open_async = open(&self, name: &str) -> AsyncReader => |reader| Ok(AsyncReader::new(reader));
        totals_async = totals(&self) -> (u64, u64);
    }

    impl TreeWriter {
        finish_async = finish(self) -> Tree;
    }

    impl NewRepository {
        create_async = create(&self) -> Repository;
        get_or_create_async = get_or_create(&self) -> Repository;
    }

    impl Repository {
        branches_async = branches(&self) -> Vec<Branch>;
        delete_async = delete(&self) -> ();
        tags_async = tags(&self) -> Vec<Tag>;
        transactions_async = transactions(&self) -> Vec<Branch>;
    }

    impl Reference {
        check_outside_async = check_outside(&self, prefix: &str) -> OutsideCheck;
        checkout_async = checkout(&self, folder: impl AsRef<Path>, how: &CheckoutOptions) -> CheckedOut;
        commit_calls_async = commit_calls(&self) -> Vec<CommittedCall>;
        commit_info_async = commit_info(&self) -> CommitInfo;
        diff_async = diff(&self, other: &str, query: &DiffQuery) -> ObjectChanges;
        exists_async = exists(&self, path: &str) -> bool;
        file_async = file(&self, path: &str) -> File;
        list_all_async = list_all(&self, prefix: &str) -> Vec<ObjectInfo>;
        list_async = list(&self, query: &ObjectQuery) -> ObjectPage;
        log_async = log(&self, query: &LogQuery) -> Vec<CommitInfo>;
        merge_bases_async = merge_bases(&self, other: &str) -> Vec<CommitInfo>;
        open_async = open(&self, path: &str) -> AsyncReader => |reader| Ok(AsyncReader::new(reader));
        open_object_async = open_object(&self, path: &str) -> (ObjectInfo, AsyncReader) =>
            |(object, reader)| Ok((object, AsyncReader::new(reader)));
        read_async = read(&self, path: &str) -> Vec<u8>;
        read_range_async = read_range(&self, path: &str, range: Range<u64>) -> Vec<u8>;
        stat_async = stat(&self, path: &str) -> ObjectInfo;
    }

    impl Tag {
        create_async = create(&self, from: &str) -> Tag;
        delete_async = delete(&self) -> ();
    }

    impl Upload {
        copy_async = copy(&self, from: &str, from_path: &str) -> ObjectInfo;
        put_async = put(&self, file: &File) -> ObjectInfo;
        put_bytes_async = put_bytes(&self, bytes: impl AsRef<[u8]>) -> ObjectInfo;
        put_path_async = put_path(&self, file: impl AsRef<Path>) -> ObjectInfo;
    }

    impl Transaction {
        commit_async = commit(self) -> Option<CommitInfo>;
    }

    impl Branch {
        begin_transaction_async = begin_transaction(&self, message: impl Into<CommitMessage>) -> Transaction;
        cherry_pick_async = cherry_pick(&self, commit: &str, how: &MergeOptions) -> MergeResult;
        commit_all_async = commit_all(&self, message: impl Into<CommitMessage>, changes: &ChangeSet) -> CommitInfo;
        commit_async = commit(&self, message: impl Into<CommitMessage>) -> CommitInfo;
        copy_object_async = copy_object(&self, from: &str, from_path: &str, path: &str) -> ObjectInfo;
        create_async = create(&self, from: &str) -> Branch;
        delete_async = delete(&self) -> ();
        delete_object_async = delete_object(&self, path: &str) -> bool;
        delete_objects_async = delete_objects(&self, paths: &[impl AsRef<str>]) -> usize;
        import_addresses_async = import_addresses(&self, url: &str, to: &str, message: impl Into<CommitMessage>) -> Imported;
        import_files_async = import_files(&self, prefix: &str, to: &str, message: impl Into<CommitMessage>) -> Imported;
        import_folder_async = import_folder(&self, folder: &LocalFolder, to: &str, message: impl Into<CommitMessage>) -> Imported;
        place_async = place(&self) -> BranchPlace;
        merge_async = merge(&self, source: &str, how: &MergeOptions) -> MergeResult;
        put_async = put(&self, path: &str, file: &File) -> ObjectInfo;
        put_bytes_async = put_bytes(&self, path: &str, bytes: impl AsRef<[u8]>) -> ObjectInfo;
        put_path_async = put_path(&self, path: &str, file: impl AsRef<Path>) -> ObjectInfo;
        reset_async = reset(&self) -> usize;
        reset_object_async = reset_object(&self, path: &str) -> bool;
        reset_prefix_async = reset_prefix(&self, prefix: &str) -> usize;
        revert_async = revert(&self, commit: &str, how: &MergeOptions) -> MergeResult;
        uncommitted_async = uncommitted(&self, query: &DiffQuery) -> ObjectChanges;
    }

    impl WorkingCopy {
        changes_async = changes(&self) -> FolderChanges;
        commit_async = commit(&self, message: impl Into<CommitMessage>) -> CommitInfo;
    }
}
