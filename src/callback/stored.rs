//! The stored form of a callback.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::StatusCallback;

/// Writes the form as it arrived, and the tag, as a map of two texts: `{"form": "Sid=PK…", "tag": "…"}`. They
/// contain the callback's secrets.
impl Serialize for StatusCallback {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + usize::from(self.tag.is_some())))?;
        map.serialize_entry("form", self.form())?;
        if let Some(tag) = &self.tag {
            map.serialize_entry("tag", tag)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for StatusCallback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = BTreeMap::<String, String>::deserialize(deserializer)?;
        let form = map.remove("form").ok_or_else(|| D::Error::missing_field("form"))?;
        let callback = Self::parse(form.as_bytes()).map_err(D::Error::custom)?;
        Ok(Self { tag: map.remove("tag"), ..callback })
    }
}
