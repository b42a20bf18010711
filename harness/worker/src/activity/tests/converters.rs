//! User-defined data converters and codecs.

use temporalio_common::data_converters::{
    DataConverter, DefaultFailureConverter, DefaultPayloadCodec, ErasedSerdePayloadConverter,
    PayloadCodec, PayloadConversionError, SerializationContextData,
};

use super::*;

/// A codec that flips every byte.
struct Secret;

impl Secret {
    fn flip(payloads: Vec<Payload>) -> Vec<Payload> {
        let flip = |mut payload: Payload| {
            payload.data.iter_mut().for_each(|byte| *byte = !*byte);
            payload
        };
        payloads.into_iter().map(flip).collect()
    }
}

type Coded = futures::future::BoxFuture<'static, Result<Vec<Payload>, PayloadConversionError>>;

impl PayloadCodec for Secret {
    fn encode(&self, _: &SerializationContextData, payloads: Vec<Payload>) -> Coded {
        futures::future::ready(Ok(Self::flip(payloads))).boxed()
    }

    fn decode(&self, _: &SerializationContextData, payloads: Vec<Payload>) -> Coded {
        futures::future::ready(Ok(Self::flip(payloads))).boxed()
    }
}

#[test]
fn a_codec_applies_to_inputs_results_and_heartbeats_but_not_to_records() {
    let flip = |payloads: Payloads| Payloads {
        payloads: Secret::flip(payloads.payloads),
    };
    let mut secret = attempt("Shop::resume", flip(payloads(&9_u32)));
    secret.data_converter = DataConverter::new(
        PayloadConverter::default(),
        DefaultFailureConverter::default(),
        Secret,
    );
    let log = secret.log.clone();
    let (outcome, beats) = beating(&shop(), secret);
    assert_eq!(value::<u32>(&flip(result_of(&outcome).clone())), 9);
    assert_eq!(value::<u32>(&flip(beats[0].clone())), 9);
    let record = &log.all()[0];
    assert_eq!(record.input::<u32>().expect("it is clear"), 9);
    assert_eq!(record.output::<u32>().expect("it is clear"), Some(9));
}

/// A converter that is based on serde, as a user may define one: JSON under another name.
struct OwnJson;

impl ErasedSerdePayloadConverter for OwnJson {
    fn to_payload(
        &self,
        _: &SerializationContextData,
        value: &dyn erased_serde::Serialize,
    ) -> Result<Payload, PayloadConversionError> {
        let data = serde_json::to_vec(value).expect("it becomes JSON");
        Ok(Payload {
            data,
            ..Default::default()
        })
    }

    fn from_payload(
        &self,
        _: &SerializationContextData,
        payload: Payload,
    ) -> Result<Box<dyn erased_serde::Deserializer<'static>>, PayloadConversionError> {
        let value: serde_json::Value = serde_json::from_slice(&payload.data).expect("it is JSON");
        Ok(Box::new(<dyn erased_serde::Deserializer>::erase(value)))
    }
}

#[test]
fn heartbeat_details_survive_a_user_defined_converter() {
    let own = |data: &str| Payloads {
        payloads: vec![Payload {
            data: data.into(),
            ..Default::default()
        }],
    };
    let mut task = task("Shop::resume", own("4"));
    task.heartbeat_details = Some(own("30"));
    let mut attempt = ActivityAttempt::new(task, "shops", Arc::new(|| 0));
    let converter = PayloadConverter::Serde(Arc::new(OwnJson));
    attempt.data_converter = DataConverter::new(
        converter,
        DefaultFailureConverter::default(),
        DefaultPayloadCodec,
    );
    let (outcome, beats) = beating(&shop(), attempt);
    assert_eq!(result_of(&outcome), &own("34"));
    assert_eq!(beats, [own("34")]);
}
