// What is under test: the gateway, the four providers behind it, and what the fake provider is known to say.

export const URL = process.env.GATEWAY_URL.replace(/\/$/, "");

// One fake provider, reached in each outbound dialect.
export const PROVIDERS = ["fake-chat", "fake-responses", "fake-anthropic", "fake-gemini"];

// Long enough for a busy machine, short enough that a hanging stream fails its test.
export const OPTIONS = { apiKey: "sk-test", maxRetries: 0, timeout: 20_000 };

export const HELLO = "Say hello";
export const ECHO = "You said: Say hello";
export const THOUGHT = "The user wants an answer, so I think first.";
export const TOOL_RESULT = "22 degrees";
export const TOOL_ECHO = "The tool said: 22 degrees";
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

// The tools that requests offer; the fake provider calls the first ones with `Paris` for every text.
export const TOOLS = { get_weather: "The weather in a city", get_time: "The time in a city" };
export const ARGUMENTS = { city: "Paris" };
export const WEATHER = object({ city: { type: "string" } });

// What structured answers must look like.
export const TRIP = { city: "Paris", days: 1 };
export const TRIP_SCHEMA = object({ city: { type: "string" }, days: { type: "integer" } });

function object(properties) {
  return { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
}

// Everything that a stream sends, as an array.
export async function all(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}
