// The official `@anthropic-ai/sdk` package on /v1/messages, to every provider.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";

import { ARGUMENTS, ECHO, HELLO, OPTIONS, PNG, PROVIDERS, THOUGHT } from "./gateway.mjs";
import { TOOL_ECHO, TOOL_RESULT, TOOLS, TRIP, TRIP_SCHEMA, URL, WEATHER } from "./gateway.mjs";

const client = new Anthropic({ baseURL: URL, ...OPTIONS });
const user = { role: "user", content: HELLO };
const tools = Object.entries(TOOLS).map(([name, description]) => ({ name, description, input_schema: WEATHER }));
const thinking = { type: "enabled", budget_tokens: 1024 };
const textOf = (message) => message.content.map((block) => block.text ?? "").join("");

for (const provider of PROVIDERS) {
  describe(`messages, ${provider}`, () => {
    const request = (script, more) => ({ model: `${provider}/${script}`, max_tokens: 2048, messages: [user], ...more });
    const create = (script, more) => client.messages.create(request(script, more));
    const streamed = (script, more) => client.messages.stream(request(script, more)).finalMessage();

    for (const [way, ask] of [["plain", create], ["streamed", streamed]]) {
      test(`text, ${way}`, async () => {
        const answer = await ask("text~cached-5", { system: "Be brief." });
        assert.equal(textOf(answer), ECHO);
        assert.equal(answer.stop_reason, "end_turn");
        assert.equal(answer.usage.input_tokens, 15);
        assert.equal(answer.usage.cache_read_input_tokens, 5);
        assert.equal(answer.usage.output_tokens, 10);
      });

      for (const [script, count] of [["tool", 1], ["tools2", 2]]) {
        test(`${script}, ${way}`, async () => {
          const first = await ask(script, { tools });
          assert.equal(first.stop_reason, "tool_use");
          const calls = first.content.filter((block) => block.type === "tool_use");
          assert.deepEqual(calls.map((call) => call.name), Object.keys(TOOLS).slice(0, count));
          for (const call of calls) assert.deepEqual(call.input, ARGUMENTS);
          const results = calls.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: TOOL_RESULT }));
          const turns = [{ role: "assistant", content: first.content }, { role: "user", content: results }];
          const said = textOf(await ask(script, { tools, messages: [user, ...turns] }));
          assert.ok(said.startsWith(TOOL_ECHO), said);
          assert.equal(said.split(TOOL_RESULT).length - 1, count);
        });
      }

      test(`thinking, ${way}`, async () => {
        const answer = await ask("reasoning", { thinking });
        assert.deepEqual(answer.content.map((block) => block.type), ["thinking", "text"]);
        assert.equal(answer.content[0].thinking, THOUGHT);
      });

      test(`structured, ${way}`, async () => {
        const output_config = { format: { type: "json_schema", schema: TRIP_SCHEMA } };
        assert.deepEqual(JSON.parse(textOf(await ask("json", { output_config }))), TRIP);
      });
    }

    test("forced tool", async () => {
      const answer = await create("tool", { tools, tool_choice: { type: "tool", name: "get_time" } });
      assert.deepEqual(answer.content.filter((block) => block.type === "tool_use").map((call) => call.name), ["get_time"]);
    });

    test("image", async () => {
      const image = { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } };
      const content = [{ type: "text", text: HELLO }, image];
      assert.equal(textOf(await create("text", { messages: [{ role: "user", content }] })), `${ECHO} [image]`);
    });

    const classes = {
      400: Anthropic.BadRequestError,
      401: Anthropic.InternalServerError,
      404: Anthropic.NotFoundError,
      429: Anthropic.RateLimitError,
      500: Anthropic.InternalServerError,
      529: Anthropic.InternalServerError,
    };
    for (const [status, rightClass] of Object.entries(classes)) {
      test(`status ${status}`, async () => {
        await assert.rejects(create(`text~status-${status}`), rightClass);
        await assert.rejects(create(`text~status-${status}`, { stream: true }), rightClass);
      });
    }

    test("a stream that breaks", async () => {
      for (const script of ["long~errorafter-8", "long~cut-8"]) {
        const seen = [];
        const read = async () => {
          for await (const event of await create(script, { stream: true })) seen.push(event.type);
        };
        await assert.rejects(read());
        assert.ok(seen.includes("message_start"));
        assert.ok(!seen.includes("message_stop"));
      }
    });
  });
}

test("unknown model", async () => {
  const answer = client.messages.create({ model: "no-such-model", max_tokens: 10, messages: [user] });
  await assert.rejects(answer, Anthropic.NotFoundError);
});
