//! The people of each item in the window that a list learns from: counted from the histories.

use std::sync::Arc;
use std::time::Instant;

use domain::{ListRequest, Logic, Timestamp, UserIdx};
use recommender::{LookBack, PeopleByItem, PeopleCounter};

use crate::{LiveState, Serving, USERS_PER_STEP};

impl Serving {
    /// The people of each item in the window that a list learns from; none where it asks for no
    /// window. The fold gets its turns meanwhile. O(users + interactions in the window), once for
    /// all lists of a window and for a while.
    pub(crate) fn people_by_item(
        &self,
        live: &LiveState,
        list: &ListRequest,
        now: Timestamp,
    ) -> Option<Arc<PeopleByItem>> {
        let length_s = list.learns_from_s?;
        if !list.names_logic(|logic| logic == Logic::Together) {
            return None;
        }
        let look_back = LookBack { length_s, kind: list.interaction };
        if let Some(people) = self.people_by_item.get(&look_back, now) {
            return Some(people);
        }
        let started = Instant::now();
        let mut counter = PeopleCounter::new(look_back, now.seconds_u32());
        let mut done = 0;
        loop {
            let views = live.snapshot();
            let histories = views.interactions.histories();
            let n_users = histories.n_users() as u32;
            if done >= n_users {
                break;
            }
            let step = done..n_users.min(done + USERS_PER_STEP as u32);
            done = step.end;
            counter.add(histories, step.map(UserIdx));
        }
        let people = Arc::new(counter.finish());
        let duration = started.elapsed();
        self.people_by_item.put(look_back, &people, people.n_bytes(), now, duration);
        Some(people)
    }
}
