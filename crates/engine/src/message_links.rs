//! What the links and the images of messages say.

use crate::Engine;
use crate::campaigns::{MessageLink, read_image, read_link};

impl Engine {
    /// What the token of a link of this workspace says; none if nobody here has made it.
    pub fn read_link(&self, token: &str) -> Option<MessageLink> {
        read_link(self.instance_key.as_deref()?, self.id(), token)
    }

    /// What the token of an image of this workspace says; none if nobody here has made it.
    pub fn read_open(&self, token: &str) -> Option<MessageLink> {
        read_image(self.instance_key.as_deref()?, self.id(), token)
    }
}
