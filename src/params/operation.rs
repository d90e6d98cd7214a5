//! What the params of both operations have in common.

/// Defines setters that make a new key if the value is a copy.
macro_rules! keyed_setters {
    ($( $(#[$doc:meta])* $name:ident($argument:ident: $type:ty) = $value:expr; )+) => { $(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $argument: $type) -> Self {
            self.made_key.before_change(&mut self.idempotency_key);
            self.$name = $value;
            self
        }
    )+ };
}

/// Implements what both types of params have, from their `fields()`.
macro_rules! operation {
    ($name:ident) => {
        impl $name {
            /// Returns a copy with a new idempotency key, which is another operation. Everything else is the same.
            ///
            /// Trying again after a decline is a new operation, and needs a new key.
            #[must_use]
            pub fn with_new_key(&self) -> Self {
                let (made_key, idempotency_key) = MadeKey::new();
                Self { idempotency_key, made_key, ..self.clone() }
            }

            /// Sets [`idempotency_key`](#structfield.idempotency_key). Use a key that is derived from an order
            /// number, for example, so that a call from any process is the same operation.
            #[must_use]
            pub fn idempotency_key(mut self, idempotency_key: impl Into<String>) -> Self {
                self.idempotency_key = idempotency_key.into();
                self.made_key = MadeKey::default();
                self
            }

            keyed_setters! {
                /// Sets [`account_sid`](#structfield.account_sid).
                account_sid(account_sid: impl Into<String>) = Some(account_sid.into());
                /// Sets [`status_callback`](#structfield.status_callback).
                status_callback(status_callback: impl Into<String>) = status_callback.into();
            }
        }

        /// Shows the fields that are set, by their wire names. Leaves out the values of `Parameter`, and the user
        /// info and query of URLs, which may be personal or secret.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut out = f.debug_struct(stringify!($name));
                for (name, value) in field::set(self.account_sid.as_ref(), self.fields()) {
                    out.field(name, &value);
                }
                out.finish()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(field::set(self.account_sid.as_ref(), self.fields()))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut stored = Stored::read(deserializer)?;
                let (key, url) = (stored.require("IdempotencyKey")?, stored.require("StatusCallback")?);
                let params = Self::read((MadeKey::default(), key), url, &mut stored);
                stored.finish().map(|()| params)
            }
        }
    };
}

pub(super) use {keyed_setters, operation};
