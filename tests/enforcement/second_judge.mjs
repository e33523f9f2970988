// SPDX-License-Identifier: Apache-2.0
// Decides requests again with @cloud-copilot/iam-simulate: an array of simulations on standard input,
// an array of {result, errors} on standard output. Offline: the service data come with the package.
import { runSimulation } from '@cloud-copilot/iam-simulate'

let text = ''
for await (const part of process.stdin) text += part
const answers = []
for (const simulation of JSON.parse(text)) {
  const found = await runSimulation(simulation, {})
  const errors = found.errors ? JSON.stringify(found.errors) : ''
  answers.push({ result: found.analysis?.result ?? found.overallResult ?? found.resultType ?? 'none', errors })
}
process.stdout.write(JSON.stringify(answers))
