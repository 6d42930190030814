// The Node SDKs over every dialect of a real model: the same words and tokens as without the gateway.

import assert from "node:assert/strict";
import { test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const URL = process.env.GATEWAY_URL.replace(/\/$/, "");
const MODEL_URL = process.env.MODEL_URL.replace(/\/$/, "");
const OPTIONS = { apiKey: "any", maxRetries: 0, timeout: 60_000 };
const openai = new OpenAI({ baseURL: `${URL}/v1`, ...OPTIONS });
const anthropic = new Anthropic({ baseURL: URL, ...OPTIONS });

const content = "What is the capital of France?";
const system = "You are a helpful assistant.";
const messages = [{ role: "user", content }];
// Greedy sampling: the model says the same each time.
const CHAT = { messages: [{ role: "system", content: system }, ...messages], max_tokens: 24, temperature: 0 };
const RESPOND = { instructions: system, input: content, max_output_tokens: 24, temperature: 0 };
const MESSAGE = { system, messages, max_tokens: 24, temperature: 0 };
const usageOf = ({ input_tokens, cache_read_input_tokens, output_tokens }) => [input_tokens + (cache_read_input_tokens ?? 0), output_tokens];

const direct = await openaiChat(new OpenAI({ baseURL: `${MODEL_URL}/v1`, ...OPTIONS }), "smollm2-135m");
assert.match(direct[0], /Paris/);

async function openaiChat(client, model) {
  const answer = await client.chat.completions.create({ model, ...CHAT });
  return [answer.choices[0].message.content, answer.usage.prompt_tokens, answer.usage.completion_tokens];
}

async function openaiChatStreamed(model) {
  const request = { model, stream: true, stream_options: { include_usage: true }, ...CHAT };
  const chunks = await all(await openai.chat.completions.create(request));
  const { usage } = chunks.at(-1);
  return [chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), usage.prompt_tokens, usage.completion_tokens];
}

async function openaiResponses(model) {
  const answer = await openai.responses.create({ model, ...RESPOND });
  return [answer.output_text, ...usageOf(answer.usage)];
}

async function openaiResponsesStreamed(model) {
  const events = await all(await openai.responses.create({ model, stream: true, ...RESPOND }));
  const { type, response } = events.at(-1);
  assert.equal(type, "response.completed");
  return [events.map((event) => (event.type.endsWith("text.delta") ? event.delta : "")).join(""), ...usageOf(response.usage)];
}

async function anthropicMessages(model) {
  const answer = await anthropic.messages.create({ model, ...MESSAGE });
  return [answer.content[0].text, ...usageOf(answer.usage)];
}

async function anthropicMessagesStreamed(model) {
  const answer = await anthropic.messages.stream({ model, ...MESSAGE }).finalMessage();
  return [answer.content[0].text, ...usageOf(answer.usage)];
}

async function all(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

const WAYS = [(model) => openaiChat(openai, model), openaiChatStreamed, openaiResponses, openaiResponsesStreamed, anthropicMessages, anthropicMessagesStreamed];

for (const provider of ["llama.cpp", "real-responses", "real-anthropic"]) {
  for (const ask of WAYS) {
    test(`${ask.name || "openaiChat"}, ${provider}`, async () => {
      assert.deepEqual(await ask(`${provider}/smollm2-135m`), direct);
    });
  }
}

test("unknown model", async () => {
  await assert.rejects(openai.chat.completions.create({ model: "no-such-model", ...CHAT }), OpenAI.NotFoundError);
  await assert.rejects(anthropic.messages.create({ model: "no-such-model", ...MESSAGE }), Anthropic.NotFoundError);
});
