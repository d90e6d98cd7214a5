//! How builders define their setters.

/// Defines setters, each by the name of its field: what it takes, and what the field becomes.
macro_rules! setters {
    ($( $(#[$doc:meta])* $name:ident($argument:ident: $type:ty) = $value:expr; )+) => { $(
        $(#[$doc])*
        pub fn $name(mut self, $argument: $type) -> Self {
            self.$name = $value;
            self
        }
    )+ };
}

pub(crate) use setters;
