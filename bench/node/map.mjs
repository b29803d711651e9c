// Maps orders with a JSONata expression on Node, from text to text, as a server would.
// Usage: node map.mjs jsonata|truto EXPRESSION_FILE RECORDS_FILE
// RECORDS_FILE holds one JSON object a line. Prints the first record mapped, the second, and so on, one a line, and an
// empty line. Then, for each line of milliseconds on standard input, maps for so long and prints records a second.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const [engine, expressionFile, recordsFile] = process.argv.slice(2)
const source = readFileSync(expressionFile, 'utf8')
const records = readFileSync(recordsFile, 'utf8').split('\n').filter(Boolean)

const engines = {
  jsonata: async () => (await import('jsonata')).default(source),
  truto: async () => {
    const module = await import('@truto/truto-jsonata')
    const trutoJsonata = module.default?.default ?? module.default
    return trutoJsonata(source)
  },
}
const expression = await engines[engine]()
const map = async (text) => JSON.stringify(await expression.evaluate(JSON.parse(text)))

let next = 0
async function rate(milliseconds) {
  let count = 0
  const started = performance.now()
  while (performance.now() - started < milliseconds) {
    await map(records[next % records.length])
    next += 1
    count += 1
  }
  return (count / (performance.now() - started)) * 1000
}

for (const text of records) process.stdout.write((await map(text)) + '\n')
process.stdout.write('\n')
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write((await rate(Number(line))) + '\n')
}
