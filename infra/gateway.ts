/**
 * The Application Gateway. Nothing here may depend on a release: every update drains, then cuts, all open
 * sockets (Azure/application-gateway-kubernetes-ingress#1277). Its backend is the app's stable name.
 */

import type { types } from '@pulumi/azure-native'
import * as network from '@pulumi/azure-native/network/index.js'
import { interpolate, type Output } from '@pulumi/pulumi'
import { paths } from '../runtime/core/contract.ts'
import type { Environment } from './environment.ts'
import { createFirewallPolicy } from './firewall.ts'
import type { Foundation } from './foundation.ts'
import { gatewayParts } from './gateway-parts.ts'
import type { Network } from './network.ts'

type Gateway = network.ApplicationGatewayArgs

export interface GatewayPlace {
  readonly network: Network
  readonly environment: Environment
  /** Id of the identity that reads the certificate; undefined without TLS. */
  readonly certificateReader: Output<string> | undefined
}

const probeTimeoutSec = 10

/** Creates the gateway. */
export function createGateway(foundation: Foundation, place: GatewayPlace): network.ApplicationGateway {
  const { names, settings, group, within, tags } = foundation
  const { certificateReader, environment } = place
  return new network.ApplicationGateway(
    'gateway',
    {
      applicationGatewayName: names.gateway,
      resourceGroupName: group,
      location: settings.location,
      tags,
      // No capacity here: it goes with autoscaling only.
      sku: { name: settings.gatewaySku, tier: settings.gatewaySku },
      autoscaleConfiguration: {
        minCapacity: settings.gatewayMinCapacity,
        maxCapacity: settings.gatewayMaxCapacity,
      },
      ...(settings.zoneRedundant && { zones: ['1', '2', '3'] }),
      enableHttp2: true,
      gatewayIPConfigurations: [{ name: 'subnet', subnet: { id: place.network.gatewaySubnetId } }],
      frontendIPConfigurations: [{ name: 'public', publicIPAddress: { id: place.network.publicIp.id } }],
      ...describeFront(foundation),
      ...describeBack(foundation, environment),
      ...(certificateReader && {
        identity: { type: 'UserAssigned', userAssignedIdentities: [certificateReader] },
      }),
      ...(settings.gatewaySku === 'WAF_v2' && {
        firewallPolicy: { id: createFirewallPolicy(foundation).id },
      }),
    },
    {
      ...within,
      // The gateway looks its backend up once it starts: the names must be there.
      dependsOn: environment.resolvable,
      customTimeouts: { create: '60m', update: '120m', delete: '60m' },
    },
  )
}

/** Listeners and where they lead: with a certificate 443, and 80 only to send people there; else 80. */
function describeFront({ names, subscriptionId, settings }: Foundation): Partial<Gateway> {
  const { tlsCertificateSecretId } = settings
  const part = gatewayParts(subscriptionId, names.group, names.gateway)
  const listen = (name: 'http' | 'https', protocol: 'Http' | 'Https') => ({
    name,
    protocol,
    frontendIPConfiguration: part('frontendIPConfigurations', 'public'),
    frontendPort: part('frontendPorts', name),
  })
  const toApp = (listener: 'http' | 'https') => ({
    name: `${listener}-to-app`,
    ruleType: 'Basic',
    priority: 100,
    httpListener: part('httpListeners', listener),
    backendAddressPool: part('backendAddressPools', 'app'),
    backendHttpSettings: part('backendHttpSettingsCollection', 'app'),
    rewriteRuleSet: part('rewriteRuleSets', 'client'),
  })
  const frontendPorts = [{ name: 'http', port: 80 }]
  if (tlsCertificateSecretId === undefined) {
    return { frontendPorts, httpListeners: [listen('http', 'Http')], requestRoutingRules: [toApp('http')] }
  }
  return {
    frontendPorts: [...frontendPorts, { name: 'https', port: 443 }],
    sslCertificates: [{ name: 'host', keyVaultSecretId: tlsCertificateSecretId }],
    sslPolicy: { policyType: 'Predefined', policyName: 'AppGwSslPolicy20220101' },
    httpListeners: [
      listen('http', 'Http'),
      { ...listen('https', 'Https'), sslCertificate: part('sslCertificates', 'host') },
    ],
    redirectConfigurations: [toHttps.configuration(part('httpListeners', 'https'))],
    requestRoutingRules: [
      toApp('https'),
      toHttps.rule(part('httpListeners', 'http'), part('redirectConfigurations', 'to-https')),
    ],
  }
}

type Reference = { id: string }

const toHttps = {
  configuration: (targetListener: Reference) => ({
    name: 'to-https',
    redirectType: 'Permanent',
    targetListener,
    includePath: true,
    includeQueryString: true,
  }),
  rule: (httpListener: Reference, redirectConfiguration: Reference) => ({
    name: 'http-to-https',
    ruleType: 'Basic',
    priority: 200,
    httpListener,
    redirectConfiguration,
  }),
}

/** The one backend: the app by its name, over TLS, probed where a draining replica still answers. */
function describeBack(foundation: Foundation, { defaultDomain }: Environment): Partial<Gateway> {
  const { names, subscriptionId, settings } = foundation
  const part = gatewayParts(subscriptionId, names.group, names.gateway)
  return {
    // Made of the environment's name, not of the app's outputs: those are unknown while the app changes,
    // and a preview would then show the gateway as changed with every release.
    backendAddressPools: [
      { name: 'app', backendAddresses: [{ fqdn: interpolate`${names.app}.${defaultDomain}` }] },
    ],
    backendHttpSettingsCollection: [
      {
        name: 'app',
        protocol: 'Https',
        port: 443,
        // Container Apps answers 404 to any name but its own (microsoft/azure-container-apps#1298).
        pickHostNameFromBackendAddress: true,
        cookieBasedAffinity: 'Disabled',
        requestTimeout: settings.requestTimeout,
        connectionDraining: { enabled: true, drainTimeoutInSec: settings.drainTimeoutInSec },
        probe: part('probes', 'app'),
      },
    ],
    probes: [
      {
        name: 'app',
        protocol: 'Https',
        path: paths.health,
        interval: settings.gatewayProbeInterval,
        timeout: probeTimeoutSec,
        unhealthyThreshold: 3,
        pickHostNameFromBackendHttpSettings: true,
        match: { statusCodes: ['200-399'] },
      },
    ],
    rewriteRuleSets: [{ name: 'client', rewriteRules: [tellWhoCalls] }],
  }
}

/**
 * The gateway writes `address:port` into X-Forwarded-For, which address parsers stumble over; the host that
 * the client dialled is lost (learn.microsoft.com, application-gateway/rewrite-http-headers-url).
 */
const tellWhoCalls: types.input.network.ApplicationGatewayRewriteRuleArgs = {
  name: 'tell-who-calls',
  ruleSequence: 100,
  actionSet: {
    requestHeaderConfigurations: [
      { headerName: 'X-Forwarded-For', headerValue: '{var_add_x_forwarded_for_proxy}' },
      { headerName: 'X-Forwarded-Host', headerValue: '{var_host}' },
    ],
  },
}
