//! The methods of `Store` that a decorator passes on.

/// `delegate!(inner, through: get size)` passes these methods on to the store `self.inner`, and their futures through a function.
/// A method that a decorator neither lists nor writes is missing from its `impl Store`, which does not compile.
macro_rules! delegate {
    ($inner:tt, $through:path: $($method:ident)*) => {
        $(delegate!(@$method $inner, $through);)*
    };
    (@get $inner:tt, $through:path) => {
        fn get<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<Vec<u8>>> {
            $through(self.$inner.get(at))
        }
    };
    (@fetch $inner:tt, $through:path) => {
        fn fetch<'a>(&'a self, at: &'a Location, range: Range<u64>, sink: Sink<'a>) -> Pending<'a, Option<u64>> {
            $through(self.$inner.fetch(at, range, sink))
        }
    };
    (@create $inner:tt, $through:path) => {
        fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
            $through(self.$inner.create(at, bytes))
        }
    };
    (@create_from $inner:tt, $through:path) => {
        fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
            $through(self.$inner.create_from(at, file))
        }
    };
    (@size $inner:tt, $through:path) => {
        fn size<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<u64>> {
            $through(self.$inner.size(at))
        }
    };
    (@list $inner:tt, $through:path) => {
        fn list<'a>(&'a self, prefix: &'a Prefix, visit: Visit<'a>) -> Pending<'a, ()> {
            $through(self.$inner.list(prefix, visit))
        }
    };
    (@list_level $inner:tt, $through:path) => {
        fn list_level<'a>(&'a self, prefix: &'a Prefix, visit: VisitLevel<'a>) -> Pending<'a, ()> {
            $through(self.$inner.list_level(prefix, visit))
        }
    };
    (@remove $inner:tt, $through:path) => {
        fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool> {
            $through(self.$inner.remove(at))
        }
    };
    (@describe $inner:tt, $through:path) => {
        fn describe(&self) -> String {
            self.$inner.describe()
        }
    };
}
pub(crate) use delegate;
