//! The three spellings.

use pretty_assertions::assert_eq;

use super::*;

fn serving(line: &str) -> Serving {
    let arguments = line.split_whitespace().map(OsString::from);
    match parse(arguments) {
        Ok(Command::Serve(serving)) => serving,
        other => panic!("no server: {other:?}"),
    }
}

fn refusal(line: &str) -> String {
    let arguments = line.split_whitespace().map(OsString::from);
    parse(arguments).unwrap_err().to_string()
}

#[test]
fn a_server_listens_on_the_loopback_address_in_real_time_by_default() {
    let serving = serving("durasim serve");
    assert_eq!(serving.address.to_string(), "127.0.0.1:7233");
    assert_eq!(serving.time, Time::Real);
    assert_eq!(serving.namespaces, ["default"]);
    assert!(!serving.ends_with_parent);
}

#[test]
fn namespaces_and_time_are_options() {
    let serving = serving("durasim serve --time skipping --namespace a --namespace b --port 0");
    assert_eq!(serving.namespaces, ["a", "b"]);
    assert_eq!(serving.time, Time::Skipping { locked: false });
    assert_eq!(serving.address.port(), 0);
}

#[test]
fn a_retention_is_given_in_words() {
    assert_eq!(serving("durasim serve").retention, None);
    let retention = serving("durasim serve --retention 72h").retention;
    assert_eq!(retention, Some(Duration::from_hours(72)));
    let refusal = refusal("durasim serve --retention soon");
    assert!(refusal.contains("--retention <DURATION>"), "{refusal}");
}

#[test]
fn a_port_alone_is_the_test_server_of_an_sdk() {
    let serving = serving("durasim 4567");
    assert_eq!(serving.address.to_string(), "127.0.0.1:4567");
    assert_eq!(serving.time, Time::Skipping { locked: true });
    assert!(serving.registers_namespaces && serving.ends_with_parent);
}

#[test]
fn the_test_server_may_skip_time_from_the_beginning() {
    let serving = serving("durasim 4567 --enable-time-skipping");
    assert_eq!(serving.time, Time::Skipping { locked: false });
}

#[test]
fn the_development_server_takes_the_options_that_sdks_give_it() {
    let serving = serving(
        "durasim server start-dev --port 7000 --namespace orders --ip 127.0.0.1 --log-format \
         pretty --log-level warn --dynamic-config-value frontend.enableServerVersionCheck=false \
         --dynamic-config-value frontend.enableUpdateWorkflowExecution=true --headless",
    );
    assert_eq!(serving.address.to_string(), "127.0.0.1:7000");
    assert_eq!(serving.namespaces, ["orders", "default"]);
    assert_eq!(serving.time, Time::Real);
}

#[test]
fn the_development_server_skips_time_and_has_faults_if_it_is_told_to() {
    let serving = serving(
        "durasim server start-dev --port 7000 --log-level warn --headless --time skipping \
         --faults messages --seed 7",
    );
    assert_eq!(serving.time, Time::Skipping { locked: false });
    assert_eq!(serving.weather.faults, [FaultName::Messages]);
    assert_eq!(serving.weather.seed, Some(7));
}

#[test]
fn the_development_server_refuses_an_option_that_temporal_does_not_have() {
    assert!(refusal("durasim server start-dev --headless --falts all").contains("--falts"));
}

#[test]
fn a_search_attribute_has_a_name_and_a_type() {
    let serving = serving("durasim serve --search-attribute Customer=Keyword");
    assert_eq!(
        serving.search_attributes,
        [SearchAttribute {
            name: "Customer".to_owned(),
            value_type: IndexedValueType::Keyword,
        }]
    );
    assert!(refusal("durasim serve --search-attribute Customer").contains("NAME=TYPE"));
    assert!(refusal("durasim serve --search-attribute Customer=Name").contains("Keyword"));
}

#[test]
fn a_wrong_option_is_named() {
    assert!(refusal("durasim serve --prot 1").contains("--prot"));
    assert!(refusal("durasim serve --time never").contains("skipping"));
    assert!(refusal("durasim").contains("serve"));
}
