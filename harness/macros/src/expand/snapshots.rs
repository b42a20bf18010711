//! Snapshots of insta in a test that has many worlds.
//!
//! insta numbers the snapshots of a function that have no name by how often the process came to
//! them: in the second world of a test, the first snapshot would be the second. So each gets the
//! name that insta gives it in the first world. Inline snapshots may be met more than once, which
//! insta wants to be told. Only what stands in the test itself is seen here, not what it calls.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::quote;

/// Returns the body of the test of this name, with its snapshots named.
pub(super) fn named(test: &str, body: TokenStream) -> TokenStream {
    let mut out: Vec<TokenTree> = Vec::new();
    let mut tokens = body.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(name) if is_snapshot(&name) => {
                let is_call = tokens
                    .next_if(|next| matches!(next, TokenTree::Punct(it) if it.as_char() == '!'));
                out.push(name.into());
                let Some(mark) = is_call else { continue };
                out.push(mark);
                if let Some(TokenTree::Group(arguments)) = tokens.next() {
                    call(test, &mut out, &arguments);
                }
            }
            TokenTree::Group(group) => {
                let inner = named(test, group.stream());
                out.push(regrouped(&group, inner));
            }
            other => out.push(other),
        }
    }
    out.into_iter().collect()
}

/// Returns `true` for `assert_snapshot`, `assert_json_snapshot` and so on.
fn is_snapshot(name: &Ident) -> bool {
    let name = name.to_string();
    name.starts_with("assert_") && name.ends_with("snapshot")
}

/// Adds the arguments of a call, whose path, name and `!` are the last tokens.
fn call(test: &str, out: &mut Vec<TokenTree>, arguments: &Group) {
    let parts = split(arguments.stream());
    let begins = |part: usize, begins: fn(&TokenTree) -> bool| {
        parts
            .get(part)
            .and_then(|part| part.first())
            .is_some_and(begins)
    };
    let is_inline = (1..parts.len()).any(|part| begins(part, is_at));
    if is_inline {
        out.push(arguments.clone().into());
        return allow_duplicates(out);
    }
    let has_no_name = parts.len() == 1 || (parts.len() == 2 && begins(1, is_block));
    if !has_no_name {
        return out.push(arguments.clone().into());
    }
    let values = arguments.stream();
    let with_name = quote!(::durasim::__private::snapshot_name(#test), #values);
    out.push(regrouped(arguments, with_name));
}

/// Tells insta that the inline snapshot, the last call, may be met more than once.
fn allow_duplicates(out: &mut Vec<TokenTree>) {
    // The name, the mark and the arguments; then the path before them, if there is one.
    let mut first = out.len() - 3;
    while first >= 2 && is_colon(&out[first - 1]) && is_colon(&out[first - 2]) {
        first -= 2;
        if first > 0 && matches!(out[first - 1], TokenTree::Ident(_)) {
            first -= 1;
        }
    }
    let whole: Vec<_> = out.drain(first..).collect();
    let path = &whole[..whole.len() - 3];
    let path: TokenStream = if path.is_empty() {
        quote!(::insta::)
    } else {
        path.iter().cloned().collect()
    };
    let call: TokenStream = whole.iter().cloned().collect();
    // The call becomes part of a closure, in which neither `.await` nor `?` means the test's.
    let leaves = call.to_string();
    if leaves.contains(". await") || leaves.contains('?') {
        return out.extend(whole);
    }
    out.extend(quote!(#path allow_duplicates! { #call }));
}

/// Returns `true` for the mark of an inline snapshot.
fn is_at(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(at) if at.as_char() == '@')
}

/// Returns `true` for the redactions of a snapshot.
fn is_block(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(colon) if colon.as_char() == ':')
}

/// Returns the arguments between the commas; a comma at the end adds none.
fn split(arguments: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut parts = vec![Vec::new()];
    for token in arguments {
        match (&token, parts.last_mut()) {
            (TokenTree::Punct(comma), _) if comma.as_char() == ',' => parts.push(Vec::new()),
            (_, Some(last)) => last.push(token),
            _ => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn regrouped(group: &Group, inner: TokenStream) -> TokenTree {
    let mut regrouped = Group::new(group.delimiter(), inner);
    regrouped.set_span(group.span());
    regrouped.into()
}
