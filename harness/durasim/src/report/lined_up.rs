//! Two pretty-printed values with the elements of their lists lined up, so that a diff shows the
//! element that changed, and not those that moved.
//!
//! The values are text, JSON or what `Debug` prints: a list opens at the end of a line, and each of
//! its elements begins at the same indentation.

use similar::TextDiff;

/// The largest number of pairs of elements that are compared for similarity.
const MAX_PAIRS: usize = 2_500;

/// Returns `actual` with the elements of its lists in the order of `expected`, and the number of
/// equal elements that had another place.
pub(super) fn lined_up(expected: &str, actual: &str) -> (String, usize) {
    let expected: Vec<_> = expected.lines().collect();
    let of_actual: Vec<_> = actual.lines().collect();
    let mut moved = 0;
    let lines = line_up(&expected, &of_actual, &mut moved);
    if lines == of_actual {
        return (actual.to_owned(), moved);
    }
    (lines.join("\n"), moved)
}

fn line_up(expected: &[&str], actual: &[&str], moved: &mut usize) -> Vec<String> {
    let as_it_is = || actual.iter().map(|line| (*line).to_owned()).collect();
    let (Some(old), Some(new)) = (Block::parse(expected), Block::parse(actual)) else {
        return as_it_is();
    };
    if old.open.trim() != new.open.trim() {
        return as_it_is();
    }
    let partners = if old.has_keys() {
        by_key(&old, &new)
    } else if old.open.ends_with('(') {
        (0..old.elements.len())
            .map(|index| (index < new.elements.len()).then_some(index))
            .collect()
    } else {
        by_similarity(&old, &new, moved)
    };

    // Elements that have no partner follow the element that they followed.
    let mut order: Vec<usize> = partners.iter().flatten().copied().collect();
    for added in (0..new.elements.len()).filter(|index| !partners.contains(&Some(*index))) {
        let before = added.checked_sub(1);
        let place = before.and_then(|before| order.iter().position(|index| *index == before));
        order.insert(place.map_or(0, |place| place + 1), added);
    }

    let mut lines = vec![new.open.to_owned()];
    for index in order {
        let partner = partners.iter().position(|it| *it == Some(index));
        let element = new.elements[index];
        lines.extend(match partner {
            Some(partner) => {
                let old = old.elements[partner];
                let lines = line_up(old, element, moved);
                with_comma(lines, old.last().is_some_and(|line| line.ends_with(',')))
            }
            None => element.iter().map(|line| (*line).to_owned()).collect(),
        });
    }
    lines.push(new.close.to_owned());
    lines
}

/// A value over several lines: what opens it, its elements, what closes it.
struct Block<'a> {
    open: &'a str,
    elements: Vec<&'a [&'a str]>,
    close: &'a str,
}

impl<'a> Block<'a> {
    fn parse(lines: &'a [&'a str]) -> Option<Self> {
        let [open, inner @ .., close] = lines else {
            return None;
        };
        let closes = match open.chars().last()? {
            '[' => ']',
            '{' => '}',
            '(' => ')',
            _ => return None,
        };
        if !close.trim_start().starts_with(closes) {
            return None;
        }
        let indent = |line: &str| line.len() - line.trim_start().len();
        let of_elements = inner.first().map_or(0, |line| indent(line));
        let begins = |line: &&str| {
            indent(line) == of_elements && !line.trim_start().starts_with([']', '}', ')'])
        };
        let mut elements = Vec::new();
        let mut start = 0;
        for index in 1..=inner.len() {
            if inner.get(index).is_none_or(begins) {
                elements.push(&inner[start..index]);
                start = index;
            }
        }
        Some(Self {
            open,
            elements,
            close,
        })
    }

    /// Returns `true` for a map or a struct.
    fn has_keys(&self) -> bool {
        self.open.ends_with('{') && self.elements.iter().all(|element| key(element).is_some())
    }
}

/// Returns the key of an element of a map or a struct.
fn key<'a>(element: &[&'a str]) -> Option<&'a str> {
    let (key, _) = element.first()?.split_once(':')?;
    Some(key.trim())
}

/// Returns the partner of each element of `old` among those of `new`: the one of the same key.
fn by_key(old: &Block<'_>, new: &Block<'_>) -> Vec<Option<usize>> {
    let of_key = |element: &&[&str]| new.elements.iter().position(|it| key(it) == key(element));
    old.elements.iter().map(of_key).collect()
}

/// Returns the partner of each element of `old` among those of `new`: one that is equal, or else
/// the most similar one that is left, or else the next.
fn by_similarity(old: &Block<'_>, new: &Block<'_>, moved: &mut usize) -> Vec<Option<usize>> {
    let text = |element: &&[&str]| element.join("\n").trim_end_matches(',').to_owned();
    let old: Vec<_> = old.elements.iter().map(text).collect();
    let new: Vec<_> = new.elements.iter().map(text).collect();
    let mut partners: Vec<Option<usize>> = vec![None; old.len()];
    for (index, element) in old.iter().enumerate() {
        let is_free = |other: &usize| new[*other] == *element && !partners.contains(&Some(*other));
        partners[index] = (0..new.len()).find(is_free);
    }
    let equal: Vec<_> = partners.iter().flatten().copied().collect();
    *moved += equal.len() - ascending(&equal);

    let left = |partners: &[Option<usize>]| -> (Vec<usize>, Vec<usize>) {
        let of_old = (0..old.len()).filter(|index| partners[*index].is_none());
        let of_new = (0..new.len()).filter(|index| !partners.contains(&Some(*index)));
        (of_old.collect(), of_new.collect())
    };
    let (of_old, of_new) = left(&partners);
    if of_old.len() * of_new.len() <= MAX_PAIRS {
        let alike = |i: usize, j: usize| TextDiff::from_words(&old[i], &new[j]).ratio();
        let pairs = of_old.iter().flat_map(|i| of_new.iter().map(|j| (*i, *j)));
        let mut pairs: Vec<_> = pairs.map(|(i, j)| (alike(i, j), i, j)).collect();
        pairs.sort_by(|a, b| {
            let distance = |i: usize, j: usize| i.abs_diff(j);
            b.0.total_cmp(&a.0)
                .then(distance(a.1, a.2).cmp(&distance(b.1, b.2)))
        });
        for (_, i, j) in pairs {
            if partners[i].is_none() && !partners.contains(&Some(j)) {
                partners[i] = Some(j);
            }
        }
    }
    let (of_old, of_new) = left(&partners);
    for (i, j) in of_old.into_iter().zip(of_new) {
        partners[i] = Some(j);
    }
    partners
}

/// Returns the length of the longest ascending subsequence: the number of elements that did not
/// move.
fn ascending(places: &[usize]) -> usize {
    let mut tails: Vec<usize> = Vec::new();
    for place in places {
        let at = tails.partition_point(|tail| tail < place);
        match tails.get_mut(at) {
            Some(tail) => *tail = *place,
            None => tails.push(*place),
        }
    }
    tails.len()
}

/// Returns an element with a comma at its end, or without.
fn with_comma(mut lines: Vec<String>, comma: bool) -> Vec<String> {
    if let Some(last) = lines.last_mut() {
        let bare = last.trim_end_matches(',').len();
        last.truncate(bare);
        if comma {
            last.push(',');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use serde_json::{Value, json};

    use super::*;

    fn of_json(expected: &Value, actual: &Value) -> (String, usize) {
        let pretty = |value: &Value| serde_json::to_string_pretty(value).expect("a value");
        lined_up(&pretty(expected), &pretty(actual))
    }

    #[test]
    fn an_element_that_moved_stands_where_it_was() {
        let charge = |account: &str, cents: u32| json!({ "account": account, "cents": cents });
        let (alice, bob, carol) = (charge("alice", 100), charge("bob", 50), charge("carol", 7));
        let expected = json!({ "charges": [alice, bob, carol] });
        let actual = json!({ "charges": [carol, charge("alice", 200), bob] });
        let shown = json!({ "charges": [charge("alice", 200), bob, carol] });
        let pretty = serde_json::to_string_pretty(&shown).expect("a value");
        assert_eq!(of_json(&expected, &actual), (pretty, 1));
    }

    #[test]
    fn an_added_element_follows_the_one_that_it_followed() {
        let (text, moved) = of_json(&json!(["a", "b"]), &json!(["a", "c", "b"]));
        assert_eq!(
            (text.as_str(), moved),
            ("[\n  \"a\",\n  \"c\",\n  \"b\"\n]", 0)
        );
    }

    #[test]
    fn text_that_is_no_list_stays_as_it_is() {
        assert_eq!(lined_up("1\n2", "2\n1"), ("2\n1".to_owned(), 0));
        assert_eq!(lined_up("[", "]"), ("]".to_owned(), 0));
        assert_eq!(lined_up("", ""), (String::new(), 0));
    }
}
