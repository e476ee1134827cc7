//! Setters of options, one line each.

/// `name: Type;` in an `impl` is a setter of the field `name`; `name: Some(Type);` sets an optional one; `name: Into(Type);` takes
/// what becomes one; `name: Some Into(Type);` does both.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $($type:ident $(($inner:ty))?)+;)*) => {
        $(setters! { @one [$(#[$doc])*] $name $($type $(($inner))?)+ })*
    };
    (@one [$($doc:tt)*] $name:ident Some ($type:ty)) => {
        $($doc)*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = Some($name);
            self
        }
    };
    (@one [$($doc:tt)*] $name:ident Some Into ($type:ty)) => {
        $($doc)*
        #[must_use]
        pub fn $name(mut self, $name: impl Into<$type>) -> Self {
            self.$name = Some($name.into());
            self
        }
    };
    (@one [$($doc:tt)*] $name:ident Into ($type:ty)) => {
        $($doc)*
        #[must_use]
        pub fn $name(mut self, $name: impl Into<$type>) -> Self {
            self.$name = $name.into();
            self
        }
    };
    (@one [$($doc:tt)*] $name:ident $type:ty) => {
        $($doc)*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = $name;
            self
        }
    };
}
pub(crate) use setters;
