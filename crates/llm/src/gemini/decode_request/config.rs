//! `generationConfig`.

use serde_json::Value;

use super::super::{proto, thinking};
use super::Leftovers;
use crate::fault::BadRequest;
use crate::fields::Fields;
use crate::hub::{ChatRequest, OutputFormat, Sampling};
use crate::schema;

/// Reads the config into the request.
pub(super) fn read(
    body: &mut Fields,
    request: &mut ChatRequest,
    unmapped: &mut Leftovers,
) -> Result<(), BadRequest> {
    let Some(mut config) = proto::object(body, "generationConfig")? else { return Ok(()) };
    request.sampling = Sampling {
        temperature: config.f64("temperature")?,
        top_p: config.f64("topP")?,
        top_k: config.u64("topK")?,
        seed: config.i64("seed")?,
        frequency_penalty: config.f64("frequencyPenalty")?,
        presence_penalty: config.f64("presencePenalty")?,
    };
    request.max_output_tokens = config.u64("maxOutputTokens")?;
    request.stop = proto::strings(&mut config, "stopSequences")?.unwrap_or_default();
    request.format = read_format(&mut config, unmapped)?;
    if let Some(thinking) = proto::object(&mut config, "thinkingConfig")? {
        request.reasoning = Some(thinking::decode(thinking, unmapped)?);
    }
    if let Some(count) = config.u64("candidateCount")?
        && count != 1
    {
        unmapped.push((config.at("candidateCount"), count.into()));
    }
    unmapped.extend(config.leftovers());
    Ok(())
}

/// JSON with or without a schema; every other form stays unmapped.
fn read_format(config: &mut Fields, unmapped: &mut Leftovers) -> Result<Option<OutputFormat>, BadRequest> {
    let mime = config.string("responseMimeType")?;
    match mime.as_deref() {
        None | Some("application/json") => {}
        Some("text/plain") => return Ok(None),
        Some(other) => {
            // Enum output (`text/x.enum`) keeps its schema beside it.
            unmapped.push((config.at("responseMimeType"), Value::from(other)));
            return Ok(None);
        }
    }
    let subset = config.take("responseSchema").map(|schema| schema::gemini::to_json_schema(&schema));
    Ok(match config.take("responseJsonSchema").or(subset) {
        Some(schema) => {
            Some(OutputFormat::JsonSchema { name: None, description: None, schema, strict: None })
        }
        None => mime.map(|_| OutputFormat::JsonObject),
    })
}
