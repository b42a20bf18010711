//! Pages of the guide, one for each part of Temporal that tests are about; their code is tested.

/// Makes a module of each page.
macro_rules! pages {
    ($($page:ident $([$pictures:expr])?)+) => {
        $(
            $(#[doc = $pictures])?
            #[doc = include_str!(concat!("../docs/guide/", stringify!($page), ".md"))]
            pub mod $page {}
        )+

        /// The names of the pages.
        #[cfg(test)]
        const PAGES: &[&str] = &[$(stringify!($page)),+];
    };
}

pages! {
    signals_and_queries
    updates
    children
    continue_as_new
    schedules
    heartbeats
    local_activities
    cancellation
    versioning
    deployments
    failing_mocks
    histories
    // The page names a file beside it, which documentation in a browser does not have.
    see_a_world [concat!(
        "[picture]: data:image/png;base64,",
        include_str!("../docs/view.png.base64"),
        "\n"
    )]
    ci
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use pretty_assertions::assert_eq;

    use super::PAGES;

    #[test]
    fn every_page_is_in_the_documentation_and_in_the_list_of_the_guide() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guide");
        let entries = fs::read_dir(folder).expect("the pages are beside their sources");
        let files: BTreeSet<_> = entries
            .map(|it| it.expect("an entry of a folder").path())
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect();
        assert_eq!(files, PAGES.iter().map(|it| (*it).to_owned()).collect());
        let guide = include_str!("../docs/guide.md");
        for page in PAGES {
            assert!(guide.contains(&format!("(guide::{page})")), "{page}");
        }
    }
}
