//! `tastemaker vapid-keys`.

use crate::run;

#[test]
fn a_key_pair_for_web_push_is_new_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let pairs = [0, 1].map(|_| run(folder.path(), &["vapid-keys"]));
    let lengths = pairs.each_ref().map(|pair| {
        let words = pair.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!((&*words[2], &*words[4]), ("vapid_public_key", "vapid_private_key"), "{pair}");
        (words[3].len(), words[5].len())
    });
    assert_eq!(lengths, [(87, 43); 2]);
    assert_ne!(pairs[0], pairs[1]);
}
