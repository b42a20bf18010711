//! A page for each [`FailureCode`](crate::report::FailureCode): its meaning, an example that fails,
//! and the way to mend it.
//!
//! The last line of a report, before the command, names the page of its code.

/// Makes a module of each page.
macro_rules! pages {
    ($($module:ident = $code:ident)+) => {
        $(
            #[doc = include_str!(concat!("../docs/codes/", stringify!($code), ".md"))]
            pub mod $module {}
        )+

        /// Each code that has a page, with the module and the text.
        #[cfg(test)]
        const PAGES: &[(&str, &str, &str)] = &[$((
            stringify!($code),
            stringify!($module),
            include_str!(concat!("../docs/codes/", stringify!($code), ".md")),
        )),+];
    };
}

pages! {
    ds001 = DS001
    ds002 = DS002
    ds003 = DS003
    ds004 = DS004
    ds005 = DS005
    ds006 = DS006
    ds007 = DS007
    ds008 = DS008
    ds101 = DS101
    ds102 = DS102
    ds103 = DS103
    ds104 = DS104
    ds105 = DS105
    ds106 = DS106
    ds107 = DS107
    ds108 = DS108
    ds109 = DS109
    ds110 = DS110
    ds201 = DS201
    ds202 = DS202
}

/// Returns the path of a code's page, in this documentation and in the sources.
pub(crate) fn page(code: &str) -> String {
    format!(
        "durasim::codes::{} (docs/codes/{code}.md)",
        code.to_lowercase()
    )
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;
    use crate::report::FailureCode;

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let codes: Vec<_> = FailureCode::ALL.iter().map(|code| code.code()).collect();
        let pages: Vec<_> = PAGES.iter().map(|(code, ..)| *code).collect();
        assert_eq!(pages, codes);
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/codes");
        let entries = std::fs::read_dir(folder).expect("the pages are beside their sources");
        let mut files: Vec<_> = entries
            .map(|it| it.expect("an entry of a folder").file_name().into_string())
            .collect::<Result<_, _>>()
            .expect("a name in letters");
        files.sort();
        assert_eq!(
            files,
            codes
                .iter()
                .map(|it| format!("{it}.md"))
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn every_page_has_the_same_parts_and_is_where_reports_say() {
        for (code, (name, module, text)) in FailureCode::ALL.iter().zip(PAGES) {
            let headings: Vec<_> = text
                .lines()
                .filter(|line| line.starts_with("# D") || line.starts_with("## "))
                .collect();
            let title = format!("# {code}");
            assert_eq!(
                headings,
                [title.as_str(), "## An example that fails", "## To mend it"]
            );
            assert_eq!(
                page(name),
                format!("durasim::codes::{module} (docs/codes/{name}.md)")
            );
        }
    }
}
