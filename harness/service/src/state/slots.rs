//! Values by their place in the order of creation. Each can be removed, and gives its memory back.

/// The number of places that are given back together.
const PAGE: usize = 1024;

/// Values by their place in the order of creation. A place is never reused.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    pages: Vec<Page<T>>,
    /// The number of places that were ever taken.
    taken: u32,
}

/// Values in neighbouring places. A page whose values have all gone is empty.
#[derive(Debug)]
struct Page<T> {
    #[allow(
        clippy::vec_box,
        reason = "a place without its value costs no more than a pointer"
    )]
    slots: Vec<Option<Box<T>>>,
    held: usize,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            taken: 0,
        }
    }
}

impl<T> Slots<T> {
    /// Returns the place of the next value.
    pub(crate) fn next(&self) -> u32 {
        self.taken
    }

    pub(crate) fn push(&mut self, value: T) {
        let page = self.taken as usize / PAGE;
        self.taken = self.taken.checked_add(1).expect("fewer values than places");
        if page == self.pages.len() {
            let (slots, held) = (Vec::new(), 0);
            self.pages.push(Page { slots, held });
        }
        let page = &mut self.pages[page];
        page.slots.push(Some(Box::new(value)));
        page.held += 1;
    }

    pub(crate) fn get(&self, place: u32) -> Option<&T> {
        let page = self.pages.get(place as usize / PAGE)?;
        page.slots.get(place as usize % PAGE)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        let page = self.pages.get_mut(place as usize / PAGE)?;
        page.slots.get_mut(place as usize % PAGE)?.as_deref_mut()
    }

    /// Removes a value. A page without values is given back once all its places were taken.
    pub(crate) fn remove(&mut self, place: u32) -> Option<Box<T>> {
        let page = self.pages.get_mut(place as usize / PAGE)?;
        let removed = page.slots.get_mut(place as usize % PAGE)?.take()?;
        page.held -= 1;
        if page.held == 0 && page.slots.len() == PAGE {
            page.slots = Vec::new();
        }
        Some(removed)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages
            .iter()
            .flat_map(|page| page.slots.iter().flatten().map(|value| &**value))
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        let slots = self.pages.into_iter().flat_map(|page| page.slots);
        slots.flatten().map(|value| *value)
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    #[test]
    fn a_removed_value_leaves_its_place_empty_and_others_stay() {
        let mut slots = Slots::default();
        (0..3).for_each(|value| slots.push(value));
        assert_eq!(slots.remove(1).as_deref(), Some(&1));
        assert_eq!(slots.remove(1), None);
        assert_eq!(
            (slots.get(0), slots.get(1), slots.get(2)),
            (Some(&0), None, Some(&2))
        );
        assert_eq!(slots.next(), 3);
        assert_eq!(slots.iter().copied().collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn a_page_without_values_holds_no_memory() {
        let mut slots = Slots::default();
        let places = u32::try_from(PAGE).unwrap_or_default() + 1;
        (0..places).for_each(|value| slots.push(value));
        for place in 0..places - 1 {
            slots.remove(place);
        }
        assert_eq!(slots.pages[0].slots.capacity(), 0);
        assert_eq!(slots.get(0), None);
        assert_eq!(slots.iter().copied().collect::<Vec<_>>(), [places - 1]);
    }
}
