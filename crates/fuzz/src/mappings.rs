//! The actions that presets build from accepted messages.

use std::collections::BTreeSet;

use domain::id::ID_BYTES_MAX;
use domain::{Envelope, Interaction, InteractionKind};
use mapping::{Action, LISTED_ITEMS_MAX, presets};

/// The first byte selects the path of the message, the others are its text.
pub fn run(bytes: &[u8]) {
    let Some((path, text)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let Some(message) = crate::messages::check_text(&text, path & 0x7f, &Envelope::default())
    else {
        return;
    };
    let actions = presets().map(&message);
    assert!(actions == presets().map(&message), "actions follow from the message alone");
    let mut purchased = BTreeSet::new();
    for action in actions {
        let action = match action {
            Ok(action) => action,
            Err(error) => {
                assert!(!error.what.is_empty() && error.what.len() < 1_000, "{error}");
                continue;
            }
        };
        match action {
            Action::AddInteraction(interaction) => {
                check_interaction(&interaction);
                if interaction.kind == InteractionKind::Purchase {
                    assert!(
                        purchased.insert(interaction.item_id.clone()),
                        "an item is bought once at an instant"
                    );
                }
            }
            Action::DeleteInteractions(selector) => {
                check_id(&selector.user_id);
                check_id(&selector.item_id);
                assert!(selector.timestamp.is_none_or(|at| at.0 >= 0));
            }
            Action::AddWeakSignals { user_id, item_ids, timestamp, .. } => {
                check_id(&user_id);
                assert!((1..=LISTED_ITEMS_MAX).contains(&item_ids.len()));
                item_ids.iter().for_each(|item_id| check_id(item_id));
                assert!(timestamp.is_none_or(|at| at.0 >= 0));
            }
            Action::MergeUsers { target_user_id, source_user_id } => {
                check_id(&target_user_id);
                check_id(&source_user_id);
            }
        }
    }
}

fn check_id(id: &str) {
    assert!((1..=ID_BYTES_MAX).contains(&id.len()), "an id of {} bytes", id.len());
}

fn check_interaction(interaction: &Interaction) {
    check_id(&interaction.user_id);
    check_id(&interaction.item_id);
    assert!(interaction.timestamp.is_none_or(|at| at.0 >= 0), "before 1970");
    for number in [interaction.value, interaction.amount, interaction.price, interaction.profit] {
        assert!(
            number.is_none_or(f64::is_finite),
            "a number beyond all numbers in {interaction:?}"
        );
    }
    if interaction.kind == InteractionKind::ViewPortion {
        assert!(
            interaction.value.is_some_and(|portion| (0.0..=1.0).contains(&portion)),
            "{interaction:?}"
        );
    }
}
