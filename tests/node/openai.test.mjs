// The official `openai` package on /v1/chat/completions and /v1/responses, to every provider.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import OpenAI from "openai";

import { all, ARGUMENTS, ECHO, HELLO, OPTIONS, PNG, PROVIDERS, THOUGHT } from "./gateway.mjs";
import { TOOL_ECHO, TOOL_RESULT, TOOLS, TRIP, TRIP_SCHEMA, URL, WEATHER } from "./gateway.mjs";

const client = new OpenAI({ baseURL: `${URL}/v1`, ...OPTIONS });
const messages = [{ role: "user", content: HELLO }];
const functions = Object.entries(TOOLS).map(([name, description]) => ({ name, description, parameters: WEATHER }));
const chatTools = functions.map((tool) => ({ type: "function", function: tool }));
const tools = functions.map((tool) => ({ type: "function", strict: true, ...tool }));
const format = { name: "trip", schema: TRIP_SCHEMA, strict: true };

for (const provider of PROVIDERS) {
  const model = (script) => `${provider}/${script}`;

  describe(`chat completions, ${provider}`, () => {
    const create = (script, more) => client.chat.completions.create({ model: model(script), messages, ...more });

    test("plain", async () => {
      const answer = await create("text~cached-5", { messages: [{ role: "system", content: "Be brief." }, ...messages] });
      assert.equal(answer.choices[0].message.content, ECHO);
      assert.equal(answer.choices[0].finish_reason, "stop");
      assert.equal(answer.usage.prompt_tokens, 20);
      assert.equal(answer.usage.completion_tokens, 10);
      assert.equal(answer.usage.prompt_tokens_details.cached_tokens, 5);
    });

    test("streamed", async () => {
      const chunks = await all(await create("text", { stream: true }));
      assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), ECHO);
      assert.ok(chunks.every((chunk) => !chunk.usage));
    });

    test("streamed usage", async () => {
      const chunks = await all(await create("text", { stream: true, stream_options: { include_usage: true } }));
      assert.deepEqual(chunks.flatMap((chunk) => chunk.usage?.completion_tokens ?? []), [10]);
    });

    for (const [script, count] of [["tool", 1], ["tools2", 2]]) {
      for (const stream of [false, true]) {
        test(`${script}, ${stream ? "streamed" : "plain"}`, async () => {
          const ask = (more) =>
            stream
              ? client.chat.completions.stream({ model: model(script), messages, tools: chatTools, ...more }).finalChatCompletion()
              : create(script, { tools: chatTools, ...more });
          const { message, finish_reason } = (await ask({})).choices[0];
          assert.equal(finish_reason, "tool_calls");
          const calls = message.tool_calls.map(({ id, function: f }) => ({ id, name: f.name, arguments: f.arguments }));
          assert.deepEqual(calls.map((call) => call.name), Object.keys(TOOLS).slice(0, count));
          for (const call of calls) assert.deepEqual(JSON.parse(call.arguments), ARGUMENTS);
          const turn = {
            role: "assistant",
            content: null,
            tool_calls: calls.map(({ id, ...rest }) => ({ id, type: "function", function: rest })),
          };
          const results = calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: TOOL_RESULT }));
          const said = (await ask({ messages: [...messages, turn, ...results] })).choices[0].message.content;
          assert.ok(said.startsWith(TOOL_ECHO), said);
          assert.equal(said.split(TOOL_RESULT).length - 1, count);
        });
      }
    }

    test("forced tool", async () => {
      const tool_choice = { type: "function", function: { name: "get_time" } };
      const answer = await create("tool", { tools: chatTools, tool_choice });
      assert.deepEqual(answer.choices[0].message.tool_calls.map((call) => call.function.name), ["get_time"]);
    });

    test("structured", async () => {
      const answer = await create("json", { response_format: { type: "json_schema", json_schema: format } });
      assert.deepEqual(JSON.parse(answer.choices[0].message.content), TRIP);
    });

    test("image", async () => {
      const image = { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } };
      const content = [{ type: "text", text: HELLO }, image];
      const answer = await create("text", { messages: [{ role: "user", content }] });
      assert.equal(answer.choices[0].message.content, `${ECHO} [image]`);
    });

    test("reasoning", async () => {
      const answer = await create("reasoning", { reasoning_effort: "low" });
      assert.equal(answer.choices[0].message.reasoning_content, THOUGHT);
    });

    const classes = {
      400: OpenAI.BadRequestError,
      401: OpenAI.InternalServerError,
      404: OpenAI.NotFoundError,
      429: OpenAI.RateLimitError,
      500: OpenAI.InternalServerError,
      503: OpenAI.InternalServerError,
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
          for await (const chunk of await create(script, { stream: true })) seen.push(chunk);
        };
        await assert.rejects(read());
        assert.ok(seen.length > 0);
        assert.ok(seen.every((chunk) => !chunk.choices[0]?.finish_reason));
      }
    });

    test("an aborted stream ends", async () => {
      const stream = await create("long~pace-20", { stream: true });
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) stream.controller.abort();
    });
  });

  describe(`responses, ${provider}`, () => {
    const create = (script, more) => client.responses.create({ model: model(script), input: HELLO, ...more });
    const streamed = (script, more) =>
      client.responses.stream({ model: model(script), input: HELLO, ...more }).finalResponse();

    for (const [way, ask] of [["plain", create], ["streamed", streamed]]) {
      test(`text, ${way}`, async () => {
        const answer = await ask("text~cached-5", { instructions: "Be brief." });
        assert.equal(answer.status, "completed");
        assert.equal(answer.output_text, ECHO);
        assert.equal(answer.usage.input_tokens, 20);
        assert.equal(answer.usage.input_tokens_details.cached_tokens, 5);
      });

      test(`tools, ${way}`, async () => {
        const first = await ask("tools2", { tools });
        const calls = first.output.filter((item) => item.type === "function_call");
        assert.deepEqual(calls.map((call) => call.name), Object.keys(TOOLS));
        for (const call of calls) assert.deepEqual(JSON.parse(call.arguments), ARGUMENTS);
        const turn = calls.map(({ type, call_id, name, arguments: text }) => ({ type, call_id, name, arguments: text }));
        const results = calls.map(({ call_id }) => ({ type: "function_call_output", call_id, output: TOOL_RESULT }));
        const answer = await ask("tools2", { tools, input: [{ role: "user", content: HELLO }, ...turn, ...results] });
        assert.ok(answer.output_text.startsWith(TOOL_ECHO), answer.output_text);
      });

      test(`structured, ${way}`, async () => {
        const answer = await ask("json", { text: { format: { type: "json_schema", ...format } } });
        assert.deepEqual(JSON.parse(answer.output_text), TRIP);
      });

      test(`reasoning, ${way}`, async () => {
        const answer = await ask("reasoning", { reasoning: { effort: "low", summary: "auto" } });
        const parts = answer.output.filter((item) => item.type === "reasoning");
        const texts = parts.flatMap((item) => [...item.summary, ...(item.content ?? [])]);
        assert.equal(texts.map((part) => part.text).join(""), THOUGHT);
        assert.equal(answer.output_text, ECHO);
      });
    }

    test("status 429", async () => {
      await assert.rejects(create("text~status-429"), OpenAI.RateLimitError);
    });
  });
}

test("unknown model", async () => {
  const answer = client.chat.completions.create({ model: "no-such-model", messages });
  await assert.rejects(answer, (error) => error instanceof OpenAI.NotFoundError && /no-such-model/.test(error.message));
});

test("models are listed", async () => {
  const models = await all(client.models.list());
  assert.ok(models.some((model) => model.id === "steady-answer"));
});
