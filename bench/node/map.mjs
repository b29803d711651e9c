// Maps recorded orders with a JSONata expression on Node, from text to text, as a server would.
// Usage: node map.mjs jsonata|truto EXPRESSION_FILE RECORDS_FILE SECONDS
// RECORDS_FILE holds one JSON object a line. Prints {"records_per_second", "outputs"}: the first
// outputs are compared with the other engines' by the caller.
import { readFileSync } from 'node:fs'

const [engine, expressionFile, recordsFile, seconds] = process.argv.slice(2)
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

const outputs = []
for (const text of records.slice(0, 20)) outputs.push(JSON.parse(await map(text)))

async function window(milliseconds) {
  let count = 0
  const started = performance.now()
  while (performance.now() - started < milliseconds) {
    await map(records[count % records.length])
    count += 1
  }
  return (count / (performance.now() - started)) * 1000
}

await window(1000) // warm up
const rates = []
for (let i = 0; i < 3; i += 1) rates.push(await window((Number(seconds) * 1000) / 3))
rates.sort((a, b) => a - b)
process.stdout.write(JSON.stringify({ records_per_second: rates[1], outputs }) + '\n')
