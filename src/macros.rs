//! What several folders would otherwise write again and again: setters, and `Debug` of what has secrets.

/// Defines setters, each by the name of its field, which may be in a part of the value: what it takes, and what the
/// field becomes.
macro_rules! setters {
    ($( $(#[$doc:meta])* $name:ident($argument:ident: $type:ty) $(in $part:ident)? = $value:expr; )+) => { $(
        $(#[$doc])*
        pub fn $name(mut self, $argument: $type) -> Self {
            self.$($part.)?$name = $value;
            self
        }
    )+ };
}

/// Implements `Debug` by what it shows of a value, each by a name; it says that there is more.
macro_rules! debug_shows {
    ($type:ident, |$value:ident| $($name:ident: $shown:expr),* $(,)?) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let $value = self;
                let mut out = f.debug_struct(stringify!($type));
                $( out.field(stringify!($name), &$shown); )*
                out.finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use debug_shows;
pub(crate) use setters;
