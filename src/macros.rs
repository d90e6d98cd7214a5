//! Macros that several folders share: setters, `Debug` for types that contain secrets, and locking a mutex.

/// Defines a setter for each listed field, with its argument and the field's new value. `in part` names the part of the
/// value that has the field.
macro_rules! setters {
    ($( $(#[$doc:meta])* $name:ident($argument:ident: $type:ty) $(in $part:ident)? = $value:expr; )+) => { $(
        $(#[$doc])*
        pub fn $name(mut self, $argument: $type) -> Self {
            self.$($part.)?$name = $value;
            self
        }
    )+ };
}

/// Implements `Debug` with the listed names and values, and `..` for the rest.
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

/// Locks a mutex, even if a thread panicked while it held the lock: a panic of the program's code in one thread must not
/// stop the payments of others, and leaves nothing half changed.
macro_rules! lock {
    ($mutex:expr) => {
        $mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    };
}
