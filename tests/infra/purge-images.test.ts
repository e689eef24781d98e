/** Images that no revision names go after a month; what a revision may pull stays. */
import test, { type ExecutionContext } from 'ava'
import { type Hands, purgeImages } from '../../.github/scripts/purge-images.ts'
import { registryHands } from '../../.github/scripts/registry-hands.ts'
import { type Answers, lineOf, standIns } from './stand-ins.ts'

const repository = 'gptrtdev.azurecr.io/realtime-gateway'
const digests = ['a', 'b', 'c'].map(digit => `sha256:${digit.repeat(64)}`)
const [blue = '', green = '', old = ''] = digests
const ownImage = (digest: string) => `${repository}@${digest}`

function stage(images: readonly string[], locked: readonly string[]) {
  const done: string[] = []
  const hands: Hands = {
    repository,
    images: async () => images,
    locked: async () => locked,
    setLock: async (digest, lock) => {
      done.push(`${lock ? 'lock' : 'unlock'} ${digest}`)
    },
    purge: async days => {
      done.push(`purge ${days}`)
    },
    say: () => undefined,
  }
  return { done, hands }
}

test('what a revision names is locked before anything is deleted, and let go when none names it', async t => {
  const { done, hands } = stage([blue, green, green].map(ownImage), [blue, old])
  await purgeImages(hands)
  t.deepEqual(done, [`lock ${green}`, `unlock ${old}`, 'purge 30'])
})

test('an app that names no image has none deleted', async t => {
  const { done, hands } = stage([], [old])
  await t.throwsAsync(purgeImages(hands), { message: /No revision names an image/ })
  t.deepEqual(done, [])
})

test('an image of another repository is none of this one: it is not locked here, and no fault', async t => {
  const other = [`docker.io/contoso/realtime-gateway@${green}`, `gptrtdev.azurecr.io/other@${green}`]
  const mixed = stage([ownImage(blue), ...other], [])
  await purgeImages(mixed.hands)
  t.deepEqual(mixed.done, [`lock ${blue}`, 'purge 30'])
  const foreign = stage(other, [old])
  await purgeImages(foreign.hands)
  t.deepEqual(foreign.done, [], 'the repository of the stack may not even exist')
})

const digest = blue
const registry: Answers = {
  'pulumi stack output containerRegistryLoginServer': 'gptrtdev.azurecr.io',
  'az acr list': 'gptrtdev',
  'az containerapp revision list': `gptrtdev.azurecr.io/realtime-gateway@${digest}\ngptrtdev.azurecr.io/realtime-gateway@${digest}`,
  'az acr manifest list-metadata': '',
}

/** Hands whose commands are the stand-ins; one test at a time, as the path is the process's. */
function handsWith(t: ExecutionContext, answers: Answers) {
  const { path, asked } = standIns(t, answers)
  const before = process.env.PATH
  process.env.PATH = path
  t.teardown(() => {
    process.env.PATH = before
  })
  return { hands: registryHands('dev'), asked }
}

test.serial(
  'Azure is asked for every revision, deactivated ones too, and purges what has no tag',
  async t => {
    const { hands, asked } = handsWith(t, registry)
    if (hands === undefined) return t.fail('the registry is the stack’s own')
    await purgeImages(hands)
    const lines = asked().map(lineOf)
    t.true(lines.some(line => line.startsWith('az containerapp revision list') && line.includes(' --all ')))
    t.deepEqual(
      lines.filter(line => / acr (repository update|run) /.test(line)),
      [
        `az acr repository update --name gptrtdev --image realtime-gateway@${digest} --delete-enabled false --output none`,
        "az acr run --registry gptrtdev --cmd acr purge --filter 'realtime-gateway:^$' --untagged --ago 30d /dev/null",
      ],
    )
  },
)

test.serial("another's registry is left alone", t => {
  t.is(handsWith(t, { ...registry, 'az acr list': '' }).hands, undefined)
})

test.serial(
  'a stack that runs an image of another registry ends well, though its own holds nothing',
  async t => {
    const { hands, asked } = handsWith(t, {
      ...registry,
      'az containerapp revision list': `ghcr.io/contoso/realtime-gateway@${digest}`,
      // As az ends for a repository that nothing was pushed to.
      'az acr manifest list-metadata': 1,
      'az acr repository update': 1,
    })
    if (hands === undefined) return t.fail('the registry is the stack’s own')
    await t.notThrowsAsync(purgeImages(hands))
    t.false(asked().some(command => lineOf(command).startsWith('az acr run')))
  },
)
