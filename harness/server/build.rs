//! Tells the server where the descriptors of Temporal's protocol buffers are, which
//! `temporalio-protos` publishes: reflection shows them to clients.

fn main() {
    println!("cargo:rerun-if-env-changed=DEP_TEMPORALIO_PROTOS_DESCRIPTOR_PATH");
    let path = std::env::var("DEP_TEMPORALIO_PROTOS_DESCRIPTOR_PATH")
        .expect("temporalio-protos says where its descriptors are");
    println!("cargo:rustc-env=TEMPORAL_DESCRIPTORS={path}");
}
