//! Pages of the guide, one for each part of Temporal that tests are about; their code is tested.

/// Makes a module of each page.
macro_rules! pages {
    ($($page:ident)+) => {
        $(
            #[doc = include_str!(concat!("../docs/guide/", stringify!($page), ".md"))]
            pub mod $page {}
        )+
    };
}

pages! {
    signals_and_queries
    updates
    children
    continue_as_new
    heartbeats
    local_activities
    cancellation
    versioning
    failing_mocks
    ci
}
