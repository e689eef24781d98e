/** `npm run azure:bootstrap -- [LOCATION]`. */
import { askCommand } from './azure-cli.ts'
import { bootstrap, defaults } from './bootstrap.ts'
import { runCommand, UsageError } from './command.ts'

const help = `npm run azure:bootstrap -- [LOCATION]

Makes the storage that keeps Pulumi's state, in the subscription that az is signed in to, and prints how to sign Pulumi
in to it. What is there already is left as it is. LOCATION is a region of Azure (${defaults.location}).`

await runCommand(help, async ([location = defaults.location]) => {
  if (!/^[a-z0-9]+$/.test(location)) throw new UsageError(`"${location}" is no region`)
  const address = await bootstrap(
    { ...defaults, location },
    {
      ask: askCommand,
      wait: seconds => new Promise(resolve => setTimeout(resolve, seconds * 1000)),
      say: line => console.log(line),
    },
  )
  console.log(`\npulumi login "${address}"`)
})
