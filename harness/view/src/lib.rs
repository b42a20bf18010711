//! A picture of a world: the data, the page that draws it, and its story as text.
//!
//! A [`View`] is plain data: lanes, the things that happened on them, the causes of each. Its JSON
//! is the documented format `durasim-view/1`, so that other programs can draw it too.
//! [`View::page`] returns one HTML file that needs no other file and no network. [`View::text`]
//! tells the same story on a terminal.
//!
//! Nothing here knows a rule of Temporal's: whoever makes a view names its things.
//!
//! ```
//! use durasim_view::{Kind, Lane, LaneKind, Moment, Role, Thing, View, World};
//!
//! let mut world = World::new("the world of seed 17", Role::Passed);
//! let lane = world.lane(Lane::new(LaneKind::Run, "PaymentWorkflow payment-1"));
//! world.thing(Thing::new(Kind::Event, lane, Moment { at_ms: 0, order: 1 }, "TimerStarted"));
//! let view = View::new("payments::charges_once", vec![world]);
//!
//! assert!(view.page().starts_with("<!doctype html>"));
//! assert!(view.text().contains("TimerStarted"));
//! ```

mod data;
mod fit;
mod page;
mod text;

pub use data::{
    Check, Difference, Fate, Format, Kind, Lane, LaneKind, Mark, Moment, Plan, PlannedFault, Role,
    Run, Thing, View, World,
};

impl View {
    /// Cuts the longest values, if there are so many that the page would be large: a view of a
    /// thousand events stays below two megabytes.
    pub fn fit(&mut self) {
        fit::fit(self);
    }

    /// Returns the page that draws the view: one HTML file that needs no other file and no network.
    pub fn page(&self) -> String {
        page::page(self)
    }

    /// Returns the story as text, one thing a line. It ends with a newline.
    pub fn text(&self) -> String {
        text::text(self)
    }
}
