// Asks http-cache-tests' questions through the gateway at GATEWAY_URL and compares with `passed.txt`, the list of what must pass.
// Arguments are ids of single tests; `--dump` shows what goes over the wire, `--write` writes the list anew.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import fetch from 'node-fetch'
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs'
import suites from 'http-cache-tests/tests/index.mjs'

const LIST = new URL('passed.txt', import.meta.url)
const args = process.argv.slice(2)
const only = args.filter(arg => !arg.startsWith('--'))
const wanted = test => !test.browser_only && (only.length === 0 || only.includes(test.id))
const chosen = suites.map(suite => ({ ...suite, tests: suite.tests.filter(wanted) }))
const kinds = new Map(chosen.flatMap(suite => suite.tests.map(test => [test.id, test.kind ?? 'required'])))
if (args.includes('--dump')) chosen.forEach(suite => suite.tests.forEach(test => { test.dump = true }))

await runTests(chosen, fetch, false, process.env.GATEWAY_URL)
const results = getResults()

// What depends on another test is not counted on its own: a test that passes passes.
const lines = [...kinds].filter(([id]) => results[id] === true).map(([id, kind]) => `${kind} ${id}`).sort()
for (const kind of ['required', 'optimal', 'check']) {
  const all = [...kinds.values()].filter(its => its === kind).length
  console.log(`${kind}: ${lines.filter(line => line.startsWith(`${kind} `)).length} of ${all}`)
}
// `check` asks what caches do, and has no right answer.
const answered = lines.filter(line => !line.startsWith('check '))
if (args.includes('--write')) writeFileSync(LIST, answered.join('\n') + '\n')

const listed = readFileSync(LIST, 'utf8').split('\n').filter(line => kinds.has(line.split(' ')[1]))
const lost = listed.filter(line => !lines.includes(line))
const ids = lost.map(line => line.split(' ')[1])
for (const line of lost) console.log(`fails: ${line} (${results[line.split(' ')[1]]})`)
for (const line of answered.filter(line => !listed.includes(line))) console.log(`passes, and is not listed: ${line}`)
if (only.length > 0) for (const id of only) console.log(id, results[id])
console.log(`# pass ${listed.length - lost.length}`)
if (ids.length > 0 && only.length === 0) {
  // Many of the suite's answers live for two seconds: on a busy machine those are asked once more, alone.
  const again = spawnSync(process.execPath, ['--no-warnings', process.argv[1], ...ids], { stdio: 'inherit' })
  process.exit(again.status ?? 1)
}
console.log(`# fail ${lost.length}`)
process.exit(lost.length > 0 ? 1 : 0)
