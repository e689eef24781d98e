/** `npm run azure:bootstrap -- [LOCATION]`: prints how to sign Pulumi in to the state. */
import { askCommand } from './azure-cli.ts'
import { bootstrap, defaults } from './bootstrap.ts'

const [location = defaults.location] = process.argv.slice(2)
const address = await bootstrap(
  { ...defaults, location },
  {
    ask: askCommand,
    wait: seconds => new Promise(resolve => setTimeout(resolve, seconds * 1000)),
    say: line => console.log(line),
  },
)
console.log(`\npulumi login "${address}"`)
