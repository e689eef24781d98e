/**
 * What Azure takes, kind by kind: fields, enumerations, bounds, letters and lengths of names, forms of ids.
 * Kept by hand from the ARM reference (learn.microsoft.com/azure/templates) and the naming rules
 * (azure-resource-manager/management/resource-name-rules); unknown fields are faults.
 */
import { z } from 'zod'
import { secretMark } from './azure.ts'

const hidden = z.literal(secretMark)
const group = z.string().regex(/^[\w().-]{0,89}[\w()-]$/)
const region = z.string().regex(/^[a-z][a-z0-9]+$/)
const everywhere = z.literal('global')
const tags = z.record(z.string().max(512), z.string().max(256))
const place = { resourceGroupName: group, location: region, tags }
const guid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
const ipv4 = z.ipv4()
const cidr = z.cidrv4()
const zones = z.array(z.enum(['1', '2', '3'])).optional()
/** Ids of resources of a kind: `Microsoft.Network/virtualNetworks/subnets` names the types on the way. */
function id(kind: string) {
  const [provider, ...types] = kind.split('/')
  const path = types.map(type => `/${type}/[^/]+`).join('')
  return z
    .string()
    .regex(new RegExp(`^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/${provider}${path}$`))
}
const reference = (kind: string) => z.strictObject({ id: id(kind) })
const part = (kind: string) => reference(`Microsoft.Network/applicationGateways/${kind}`)
const simpleName = (max: number) => z.string().regex(new RegExp(`^[A-Za-z0-9][\\w.-]{0,${max - 2}}\\w$`))
const whole = (min: number, max: number) => z.number().int().min(min).max(max)

const port = z
  .string()
  .regex(/^(\*|\d+(-\d+)?)$/)
  .refine(range => range.split('-').every(end => end === '*' || Number(end) <= 65_535))
const address = z.union([
  cidr,
  ipv4,
  z.enum(['*', 'Internet', 'VirtualNetwork', 'AzureLoadBalancer', 'GatewayManager']),
])
const securityRule = z.strictObject({
  name: simpleName(80),
  priority: whole(100, 4096),
  direction: z.enum(['Inbound', 'Outbound']),
  access: z.enum(['Allow', 'Deny']),
  protocol: z.enum(['Tcp', 'Udp', 'Icmp', 'Esp', 'Ah', '*']),
  sourcePortRange: port,
  sourceAddressPrefix: address.optional(),
  sourceAddressPrefixes: z.array(z.union([cidr, ipv4])).optional(),
  destinationAddressPrefix: address,
  destinationPortRange: port.optional(),
  destinationPortRanges: z.array(port).optional(),
})

const userAssigned = z.strictObject({
  type: z.literal('UserAssigned'),
  userAssignedIdentities: z.array(id('Microsoft.ManagedIdentity/userAssignedIdentities')).min(1),
})
const registryAccess = z.strictObject({
  server: z.string().regex(/^[a-z0-9]{5,50}\.azurecr\.io$/),
  identity: id('Microsoft.ManagedIdentity/userAssignedIdentities'),
})
const identitySetting = z.strictObject({
  identity: id('Microsoft.ManagedIdentity/userAssignedIdentities'),
  lifecycle: z.enum(['Init', 'Main', 'None', 'All']),
})
/** Pairs that the Consumption profile takes: twice as many GiB as vCPU. */
const containerResources = z
  .strictObject({
    cpu: z.number().min(0.25).max(4).multipleOf(0.25),
    memory: z.string().regex(/^\d(\.\d)?Gi$/),
  })
  .refine(({ cpu, memory }) => Number.parseFloat(memory) === cpu * 2)
const variable = z.union([
  z.strictObject({ name: z.string().regex(/^[A-Z][A-Z0-9_]*$/), value: z.string() }),
  z.strictObject({ name: z.string().regex(/^[A-Z][A-Z0-9_]*$/), secretRef: z.string() }),
])
const probe = z.strictObject({
  type: z.enum(['Liveness', 'Readiness', 'Startup']),
  httpGet: z.strictObject({
    path: z.string().startsWith('/'),
    port: whole(1, 65_535),
    scheme: z.enum(['HTTP', 'HTTPS']),
  }),
  initialDelaySeconds: whole(1, 60).optional(),
  periodSeconds: whole(1, 240),
  timeoutSeconds: whole(1, 240),
  failureThreshold: whole(1, 10),
  successThreshold: whole(1, 10).optional(),
})
const lowerName = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[a-z]([a-z0-9]|-(?!-))*[a-z0-9]$/)
const container = z.strictObject({
  name: lowerName(63),
  image: z.string().regex(/^[a-z0-9.-]+\/[a-z0-9/._-]+(:[\w.-]+|@sha256:[0-9a-f]{64})$/),
  resources: containerResources,
  env: z.array(variable).optional(),
  probes: z.array(probe).max(3).optional(),
})
const scaleRule = z.union([
  z.strictObject({
    name: lowerName(63),
    custom: z.strictObject({
      type: z.enum(['cpu', 'memory']),
      metadata: z.strictObject({ type: z.literal('Utilization'), value: z.string().regex(/^\d{1,3}$/) }),
    }),
  }),
  z.strictObject({
    name: lowerName(63),
    custom: z.strictObject({
      type: z.literal('redis'),
      // keda.sh/docs/latest/scalers/redis-lists
      metadata: z.strictObject({
        address: z.string().regex(/^[a-z0-9-]+\.[a-z0-9]+\.redis\.azure\.net:10000$/),
        listName: z.string().min(1),
        listLength: z.string().regex(/^[1-9]\d*$/),
        enableTLS: z.literal('true'),
      }),
      auth: z.tuple([z.strictObject({ secretRef: z.string(), triggerParameter: z.literal('password') })]),
    }),
  }),
  z.strictObject({
    name: lowerName(63),
    http: z.strictObject({
      metadata: z.strictObject({ concurrentRequests: z.string().regex(/^[1-9]\d*$/) }),
    }),
  }),
])
const isoDuration = z.enum(['PT1M', 'PT5M', 'PT10M', 'PT15M', 'PT30M', 'PT1H', 'PT6H', 'P1D'])

const metricCriteria = z.strictObject({
  odataType: z.literal('Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'),
  allOf: z.array(
    z.strictObject({
      name: z.string(),
      criterionType: z.literal('StaticThresholdCriterion'),
      metricNamespace: z.enum(['Microsoft.Network/applicationGateways', 'Microsoft.App/containerApps']),
      metricName: z.enum(['ResponseStatus', 'RestartCount']),
      timeAggregation: z.enum(['Average', 'Count', 'Minimum', 'Maximum', 'Total']),
      operator: z.enum(['Equals', 'GreaterThan', 'GreaterThanOrEqual', 'LessThan', 'LessThanOrEqual']),
      threshold: z.number(),
      dimensions: z
        .array(
          z.strictObject({
            name: z.string(),
            operator: z.enum(['Include', 'Exclude']),
            values: z.array(z.string()),
          }),
        )
        .optional(),
    }),
  ),
})
const webTestCriteria = z.strictObject({
  odataType: z.literal('Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'),
  webTestId: id('Microsoft.Insights/webtests'),
  componentId: id('Microsoft.Insights/components'),
  failedLocationCount: whole(1, 16),
})

/** By Pulumi's type, without `azure-native:`. */
export const shapes: Readonly<Record<string, z.ZodType>> = {
  'resources:ResourceGroup': z.strictObject({
    ...place,
  }),
  'network:VirtualNetwork': z.strictObject({
    ...place,
    virtualNetworkName: simpleName(64),
    addressSpace: z.strictObject({ addressPrefixes: z.array(cidr).min(1) }),
    enableDdosProtection: z.boolean().optional(),
    enableVmProtection: z.boolean().optional(),
  }),
  'network:Subnet': z.strictObject({
    resourceGroupName: group,
    virtualNetworkName: simpleName(64),
    subnetName: simpleName(80),
    addressPrefix: cidr,
    delegations: z
      .array(z.strictObject({ name: z.string(), serviceName: z.literal('Microsoft.App/environments') }))
      .optional(),
    networkSecurityGroup: reference('Microsoft.Network/networkSecurityGroups').optional(),
    privateEndpointNetworkPolicies: z.string().optional(),
    privateLinkServiceNetworkPolicies: z.string().optional(),
  }),
  'network:NetworkSecurityGroup': z.strictObject({
    ...place,
    networkSecurityGroupName: simpleName(80),
    securityRules: z.array(securityRule),
  }),
  'network:PublicIPAddress': z.strictObject({
    ...place,
    publicIpAddressName: simpleName(80),
    sku: z.strictObject({ name: z.literal('Standard'), tier: z.enum(['Regional', 'Global']) }),
    publicIPAllocationMethod: z.literal('Static'),
    publicIPAddressVersion: z.enum(['IPv4', 'IPv6']),
    idleTimeoutInMinutes: whole(4, 30),
    dnsSettings: z.strictObject({ domainNameLabel: z.string().regex(/^[a-z][a-z0-9-]{1,61}[a-z0-9]$/) }),
    zones,
  }),
  'network:ApplicationGateway': z.strictObject({
    ...place,
    applicationGatewayName: simpleName(80),
    sku: z
      .strictObject({ name: z.enum(['Standard_v2', 'WAF_v2']), tier: z.enum(['Standard_v2', 'WAF_v2']) })
      .refine(({ name, tier }) => name === tier),
    autoscaleConfiguration: z.strictObject({ minCapacity: whole(0, 125), maxCapacity: whole(2, 125) }),
    zones,
    enableHttp2: z.boolean(),
    identity: userAssigned.optional(),
    firewallPolicy: reference(
      'Microsoft.Network/applicationGatewayWebApplicationFirewallPolicies',
    ).optional(),
    gatewayIPConfigurations: z
      .array(
        z.strictObject({ name: z.string(), subnet: reference('Microsoft.Network/virtualNetworks/subnets') }),
      )
      .length(1),
    frontendIPConfigurations: z
      .array(
        z.strictObject({
          name: z.string(),
          publicIPAddress: reference('Microsoft.Network/publicIPAddresses'),
        }),
      )
      .min(1),
    frontendPorts: z.array(z.strictObject({ name: z.string(), port: whole(1, 64_999) })).min(1),
    backendAddressPools: z
      .array(
        z.strictObject({
          name: z.string(),
          backendAddresses: z.array(z.strictObject({ fqdn: z.string() })).min(1),
        }),
      )
      .min(1),
    backendHttpSettingsCollection: z
      .array(
        z.strictObject({
          name: z.string(),
          protocol: z.enum(['Http', 'Https']),
          port: whole(1, 65_535),
          pickHostNameFromBackendAddress: z.boolean(),
          cookieBasedAffinity: z.enum(['Enabled', 'Disabled']),
          requestTimeout: whole(1, 86_400),
          connectionDraining: z.strictObject({ enabled: z.boolean(), drainTimeoutInSec: whole(1, 3600) }),
          probe: part('probes'),
        }),
      )
      .min(1),
    probes: z.array(
      z
        .strictObject({
          name: z.string(),
          protocol: z.enum(['Http', 'Https']),
          path: z.string().startsWith('/'),
          interval: whole(1, 86_400),
          timeout: whole(1, 86_400),
          unhealthyThreshold: whole(1, 20),
          pickHostNameFromBackendHttpSettings: z.boolean(),
          match: z.strictObject({ statusCodes: z.array(z.string().regex(/^\d{3}(-\d{3})?$/)) }),
        })
        .refine(({ interval, timeout }) => timeout < interval),
    ),
    httpListeners: z
      .array(
        z.strictObject({
          name: z.string(),
          protocol: z.enum(['Http', 'Https']),
          frontendIPConfiguration: part('frontendIPConfigurations'),
          frontendPort: part('frontendPorts'),
          sslCertificate: part('sslCertificates').optional(),
        }),
      )
      .min(1),
    sslCertificates: z.array(z.strictObject({ name: z.string(), keyVaultSecretId: z.url() })).optional(),
    sslPolicy: z
      .strictObject({
        policyType: z.literal('Predefined'),
        policyName: z.enum(['AppGwSslPolicy20220101', 'AppGwSslPolicy20220101S']),
      })
      .optional(),
    redirectConfigurations: z
      .array(
        z.strictObject({
          name: z.string(),
          redirectType: z.enum(['Permanent', 'Found', 'SeeOther', 'Temporary']),
          targetListener: part('httpListeners'),
          includePath: z.boolean(),
          includeQueryString: z.boolean(),
        }),
      )
      .optional(),
    requestRoutingRules: z
      .array(
        z.strictObject({
          name: z.string(),
          ruleType: z.enum(['Basic', 'PathBasedRouting']),
          priority: whole(1, 20_000),
          httpListener: part('httpListeners'),
          backendAddressPool: part('backendAddressPools').optional(),
          backendHttpSettings: part('backendHttpSettingsCollection').optional(),
          rewriteRuleSet: part('rewriteRuleSets').optional(),
          redirectConfiguration: part('redirectConfigurations').optional(),
        }),
      )
      .min(1),
    rewriteRuleSets: z.array(
      z.strictObject({
        name: z.string(),
        rewriteRules: z.array(
          z.strictObject({
            name: z.string(),
            ruleSequence: whole(1, 1000),
            actionSet: z.strictObject({
              requestHeaderConfigurations: z.array(
                z.strictObject({
                  headerName: z.string().regex(/^(?!Connection$|Upgrade$)[\w-]+$/i),
                  headerValue: z.string(),
                }),
              ),
            }),
          }),
        ),
      }),
    ),
  }),
  'network:WebApplicationFirewallPolicy': z.strictObject({
    ...place,
    policyName: z.string().regex(/^[A-Za-z][\w-]{0,127}$/),
    policySettings: z.strictObject({
      mode: z.enum(['Prevention', 'Detection']),
      state: z.enum(['Enabled', 'Disabled']),
      requestBodyCheck: z.boolean(),
      maxRequestBodySizeInKb: whole(8, 2000),
      fileUploadEnforcement: z.boolean().optional(),
      requestBodyEnforcement: z.boolean().optional(),
    }),
    managedRules: z.strictObject({
      managedRuleSets: z
        .array(
          z.union([
            z.strictObject({
              ruleSetType: z.literal('Microsoft_DefaultRuleSet'),
              ruleSetVersion: z.enum(['2.1', '2.2']),
              ruleGroupOverrides: z
                .array(
                  z.strictObject({
                    ruleGroupName: z.enum(['METHOD-ENFORCEMENT', 'PROTOCOL-ENFORCEMENT', 'PROTOCOL-ATTACK']),
                    rules: z.array(
                      z.strictObject({ ruleId: z.string().regex(/^\d{6}$/), state: z.literal('Disabled') }),
                    ),
                  }),
                )
                .optional(),
            }),
            z.strictObject({
              ruleSetType: z.literal('Microsoft_BotManagerRuleSet'),
              ruleSetVersion: z.enum(['1.0', '1.1']),
            }),
          ]),
        )
        .min(1),
      exclusions: z.array(
        z.strictObject({
          matchVariable: z.enum([
            'RequestHeaderNames',
            'RequestCookieNames',
            'RequestArgNames',
            'RequestArgKeys',
            'RequestArgValues',
          ]),
          selectorMatchOperator: z.enum(['Equals', 'Contains', 'StartsWith', 'EndsWith', 'EqualsAny']),
          selector: z.string(),
        }),
      ),
    }),
  }),
  'network:PrivateEndpoint': z.strictObject({
    ...place,
    privateEndpointName: simpleName(64),
    // The SDK adds its own defaults; Azure reads the id.
    subnet: z.looseObject({ id: id('Microsoft.Network/virtualNetworks/subnets') }),
    privateLinkServiceConnections: z
      .array(
        z.strictObject({
          name: z.string(),
          privateLinkServiceId: z.string().startsWith('/subscriptions/'),
          groupIds: z.tuple([z.enum(['redisEnterprise', 'registry', 'account', 'vault', 'azuremonitor'])]),
        }),
      )
      .length(1),
    ipVersionType: z.string().optional(),
  }),
  'network:PrivateDnsZoneGroup': z.strictObject({
    resourceGroupName: group,
    privateEndpointName: simpleName(64),
    privateDnsZoneGroupName: z.string(),
    privateDnsZoneConfigs: z.array(
      z.strictObject({ name: z.string(), privateDnsZoneId: id('Microsoft.Network/privateDnsZones') }),
    ),
  }),
  'privatedns:PrivateZone': z.strictObject({
    resourceGroupName: group,
    privateZoneName: z
      .string()
      .max(253)
      .regex(/^([a-z0-9-]{1,63}\.)+[a-z]{2,}$/),
    location: everywhere,
    tags,
  }),
  'privatedns:PrivateRecordSet': z.strictObject({
    resourceGroupName: group,
    privateZoneName: z.string(),
    recordType: z.literal('A'),
    relativeRecordSetName: z.enum(['*', '@']),
    ttl: whole(1, 2_147_483_647),
    aRecords: z.array(z.strictObject({ ipv4Address: ipv4 })).min(1),
  }),
  'privatedns:VirtualNetworkLink': z.strictObject({
    resourceGroupName: group,
    privateZoneName: z.string(),
    virtualNetworkLinkName: simpleName(80),
    location: everywhere,
    tags,
    registrationEnabled: z.boolean(),
    virtualNetwork: reference('Microsoft.Network/virtualNetworks'),
  }),
  'containerregistry:Registry': z.strictObject({
    ...place,
    registryName: z.string().regex(/^[a-zA-Z0-9]{5,50}$/),
    sku: z.strictObject({ name: z.enum(['Basic', 'Standard', 'Premium']) }),
    adminUserEnabled: z.literal(false),
    anonymousPullEnabled: z.literal(false).optional(),
    networkRuleBypassOptions: z.string().optional(),
    publicNetworkAccess: z.string().optional(),
    zoneRedundancy: z.string().optional(),
  }),
  'cognitiveservices:Account': z.strictObject({
    ...place,
    accountName: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9.-]{1,62}[a-zA-Z0-9]$/),
    kind: z.enum(['OpenAI', 'AIServices']),
    sku: z.strictObject({ name: z.literal('S0') }),
    properties: z.strictObject({
      customSubDomainName: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}[a-z0-9]$/),
      disableLocalAuth: z.boolean(),
      publicNetworkAccess: z.enum(['Enabled', 'Disabled']),
    }),
  }),
  'cognitiveservices:Deployment': z.strictObject({
    resourceGroupName: group,
    accountName: z.string(),
    deploymentName: z.string().regex(/^[A-Za-z0-9][\w.-]{0,62}[A-Za-z0-9]$/),
    sku: z.strictObject({
      name: z.enum(['GlobalStandard', 'DataZoneStandard', 'Standard']),
      capacity: whole(1, 100_000),
    }),
    properties: z.strictObject({
      model: z.strictObject({ format: z.literal('OpenAI'), name: z.string(), version: z.string() }),
      versionUpgradeOption: z.enum([
        'NoAutoUpgrade',
        'OnceCurrentVersionExpired',
        'OnceNewDefaultVersionAvailable',
      ]),
    }),
  }),
  'operationalinsights:Workspace': z.strictObject({
    ...place,
    workspaceName: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]$/),
    sku: z.strictObject({ name: z.literal('PerGB2018') }),
    retentionInDays: whole(30, 730),
    workspaceCapping: z.strictObject({ dailyQuotaGb: z.number().min(0.023) }).optional(),
    publicNetworkAccessForIngestion: z.literal('Disabled').optional(),
    publicNetworkAccessForQuery: z.literal('Disabled').optional(),
  }),
  'applicationinsights:Component': z.strictObject({
    ...place,
    resourceName: simpleName(260),
    kind: z.literal('web'),
    applicationType: z.enum(['web', 'other']),
    ingestionMode: z.literal('LogAnalytics'),
    workspaceResourceId: id('Microsoft.OperationalInsights/workspaces'),
    flowType: z.string().optional(),
    requestSource: z.string().optional(),
    publicNetworkAccessForIngestion: z.string().optional(),
    publicNetworkAccessForQuery: z.string().optional(),
    disableLocalAuth: z.boolean().optional(),
  }),
  'applicationinsights:WebTest': z
    .strictObject({
      ...place,
      webTestName: simpleName(260),
      syntheticMonitorId: z.string(),
      tags: tags.refine(given =>
        Object.keys(given).some(name => /^hidden-link:\/subscriptions\/.+\/components\/[^/]+$/.test(name)),
      ),
      // The SDK fills in "ping", which Azure has retired, where nothing is said.
      kind: z.literal('standard'),
      webTestKind: z.literal('standard'),
      description: z.string(),
      enabled: z.boolean(),
      frequency: z.union([z.literal(300), z.literal(600), z.literal(900)]),
      timeout: whole(30, 120),
      retryEnabled: z.boolean(),
      locations: z
        .array(
          z.strictObject({
            location: z.string().regex(/^(us|emea|apac|latam)-[a-z]{2}-[a-z0-9]{3}-(azr|edge)$/),
          }),
        )
        .min(5),
      request: z.strictObject({
        requestUrl: z.url(),
        httpVerb: z.enum(['GET', 'HEAD', 'POST']),
        parseDependentRequests: z.boolean(),
      }),
      validationRules: z.strictObject({
        expectedHttpStatusCode: whole(0, 599),
        sSLCheck: z.boolean(),
        sSLCertRemainingLifetimeCheck: whole(1, 365).optional(),
      }),
    })
    .refine(({ webTestName, syntheticMonitorId }) => webTestName === syntheticMonitorId),
  'monitor:DiagnosticSetting': z.strictObject({
    name: simpleName(260),
    resourceUri: z.string().startsWith('/subscriptions/'),
    workspaceId: id('Microsoft.OperationalInsights/workspaces'),
    logAnalyticsDestinationType: z.enum(['Dedicated', 'AzureDiagnostics']).optional(),
    logs: z.array(z.strictObject({ categoryGroup: z.enum(['allLogs', 'audit']), enabled: z.boolean() })),
    metrics: z.array(z.strictObject({ category: z.literal('AllMetrics'), enabled: z.boolean() })),
  }),
  'monitor:ActionGroup': z.strictObject({
    resourceGroupName: group,
    actionGroupName: simpleName(260),
    location: everywhere,
    tags,
    groupShortName: z.string().min(1).max(12),
    enabled: z.boolean(),
    emailReceivers: z.array(
      z.strictObject({ name: z.string(), emailAddress: z.email(), useCommonAlertSchema: z.boolean() }),
    ),
  }),
  'monitor:MetricAlert': z
    .strictObject({
      resourceGroupName: group,
      ruleName: simpleName(260),
      location: everywhere,
      tags,
      description: z.string(),
      enabled: z.boolean(),
      severity: whole(0, 4),
      scopes: z.array(z.string().startsWith('/subscriptions/')).min(1),
      evaluationFrequency: z.enum(['PT1M', 'PT5M', 'PT15M', 'PT30M', 'PT1H']),
      windowSize: isoDuration,
      criteria: z.union([metricCriteria, webTestCriteria]),
      actions: z.array(z.strictObject({ actionGroupId: id('Microsoft.Insights/actionGroups') })).optional(),
    })
    // A test is watched by naming it and its component, in this order; any other alert watches one resource.
    .refine(({ scopes, criteria }) =>
      'webTestId' in criteria
        ? scopes.join() === [criteria.webTestId, criteria.componentId].join()
        : scopes.length === 1,
    ),
  'monitor:ScheduledQueryRule': z.strictObject({
    ...place,
    ruleName: simpleName(260),
    kind: z.literal('LogAlert'),
    skipQueryValidation: z.boolean(),
    description: z.string(),
    enabled: z.boolean(),
    severity: whole(0, 4),
    scopes: z.array(id('Microsoft.OperationalInsights/workspaces')).length(1),
    evaluationFrequency: isoDuration,
    windowSize: isoDuration,
    criteria: z.strictObject({
      allOf: z.array(
        z.strictObject({
          query: z.string(),
          timeAggregation: z.enum(['Count', 'Average', 'Minimum', 'Maximum', 'Total']),
          operator: z.enum(['Equals', 'GreaterThan', 'GreaterThanOrEqual', 'LessThan', 'LessThanOrEqual']),
          threshold: z.number(),
          failingPeriods: z.strictObject({
            numberOfEvaluationPeriods: whole(1, 6),
            minFailingPeriodsToAlert: whole(1, 6),
          }),
        }),
      ),
    }),
    actions: z.strictObject({ actionGroups: z.array(id('Microsoft.Insights/actionGroups')) }).optional(),
  }),
  'app:ManagedEnvironment': z.strictObject({
    ...place,
    environmentName: lowerName(60),
    vnetConfiguration: z.strictObject({
      infrastructureSubnetId: id('Microsoft.Network/virtualNetworks/subnets'),
      internal: z.boolean(),
    }),
    publicNetworkAccess: z.enum(['Enabled', 'Disabled']),
    workloadProfiles: z.array(
      z.union([
        z.strictObject({ name: z.literal('Consumption'), workloadProfileType: z.literal('Consumption') }),
        z.strictObject({
          name: lowerName(15),
          workloadProfileType: z.enum(['D4', 'D8', 'D16', 'D32']),
          minimumCount: whole(2, 1000),
          maximumCount: whole(2, 1000),
        }),
      ]),
    ),
    ingressConfiguration: z
      .strictObject({
        workloadProfileName: lowerName(15),
        scale: z.strictObject({ minReplicas: whole(2, 1000), maxReplicas: whole(2, 1000) }),
        requestIdleTimeout: whole(4, 30),
        terminationGracePeriodSeconds: whole(0, 3600),
      })
      .optional(),
    zoneRedundant: z.boolean(),
    appLogsConfiguration: z.strictObject({ destination: z.enum(['azure-monitor', 'log-analytics']) }),
  }),
  'app:ContainerApp': z.strictObject({
    ...place,
    containerAppName: lowerName(32),
    environmentId: id('Microsoft.App/managedEnvironments'),
    workloadProfileName: z.literal('Consumption'),
    identity: userAssigned,
    configuration: z.strictObject({
      activeRevisionsMode: z.enum(['Single', 'Multiple', 'Labels']),
      maxInactiveRevisions: whole(0, 100),
      ingress: z.strictObject({
        external: z.boolean(),
        targetPort: whole(1, 65_535),
        transport: z.enum(['auto', 'http', 'http2', 'tcp']),
        allowInsecure: z.boolean(),
        traffic: z.array(
          z.strictObject({
            revisionName: z
              .string()
              .max(54)
              .regex(/^[a-z][a-z0-9-]*--[a-z][a-z0-9-]*[a-z0-9]$/),
            weight: whole(0, 100),
            label: lowerName(63).optional(),
          }),
        ),
      }),
      registries: z.array(registryAccess),
      identitySettings: z.array(identitySetting),
      secrets: z.array(
        z.strictObject({
          name: lowerName(63),
          keyVaultUrl: z
            .string()
            .regex(
              /^https:\/\/[a-z][a-z0-9-]{1,22}[a-z0-9]\.vault\.azure\.net\/secrets\/[A-Za-z0-9-]{1,127}\/[0-9a-f]{32}$/,
            ),
          identity: id('Microsoft.ManagedIdentity/userAssignedIdentities'),
        }),
      ),
    }),
    template: z.strictObject({
      revisionSuffix: z
        .string()
        .regex(/^[a-z]([a-z0-9]|-(?!-))*[a-z0-9]$/)
        .max(64),
      terminationGracePeriodSeconds: whole(0, 600),
      containers: z.array(container).length(1),
      scale: z.strictObject({
        minReplicas: whole(0, 1000),
        maxReplicas: whole(1, 1000),
        cooldownPeriod: whole(1, 86_400),
        pollingInterval: whole(1, 3600),
        rules: z.array(scaleRule),
      }),
    }),
  }),
  'app:Job': z.strictObject({
    ...place,
    jobName: lowerName(32),
    environmentId: id('Microsoft.App/managedEnvironments'),
    workloadProfileName: z.literal('Consumption'),
    identity: userAssigned,
    configuration: z.strictObject({
      triggerType: z.enum(['Manual', 'Schedule', 'Event']),
      replicaTimeout: whole(1, 86_400),
      replicaRetryLimit: whole(0, 10),
      manualTriggerConfig: z.strictObject({
        parallelism: whole(1, 100),
        replicaCompletionCount: whole(1, 100),
      }),
      registries: z.array(registryAccess),
      identitySettings: z.array(identitySetting),
    }),
    template: z.strictObject({ containers: z.array(container).length(1) }),
  }),
  'redisenterprise:RedisEnterprise': z.strictObject({
    ...place,
    clusterName: z
      .string()
      .max(60)
      .regex(/^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$/),
    sku: z.strictObject({ name: z.string().regex(/^(Balanced_B|MemoryOptimized_M|ComputeOptimized_X)\d+$/) }),
    highAvailability: z.enum(['Enabled', 'Disabled']),
    minimumTlsVersion: z.literal('1.2'),
    publicNetworkAccess: z.enum(['Enabled', 'Disabled']),
  }),
  'redisenterprise:Database': z.strictObject({
    resourceGroupName: group,
    clusterName: z.string(),
    databaseName: z.literal('default'),
    clientProtocol: z.enum(['Encrypted', 'Plaintext']),
    port: z.literal(10_000),
    clusteringPolicy: z.enum(['EnterpriseCluster', 'OSSCluster', 'NoCluster']),
    evictionPolicy: z.enum([
      'AllKeysLFU',
      'AllKeysLRU',
      'AllKeysRandom',
      'VolatileLRU',
      'VolatileLFU',
      'VolatileTTL',
      'VolatileRandom',
      'NoEviction',
    ]),
    accessKeysAuthentication: z.enum(['Enabled', 'Disabled']),
    deferUpgrade: z.string().optional(),
  }),
  'redisenterprise:AccessPolicyAssignment': z.strictObject({
    resourceGroupName: group,
    clusterName: z.string(),
    databaseName: z.literal('default'),
    accessPolicyAssignmentName: z.string().regex(/^[A-Za-z0-9]{1,60}$/),
    accessPolicyName: z.literal('default'),
    user: z.strictObject({ objectId: guid }),
  }),
  'managedidentity:UserAssignedIdentity': z.strictObject({
    ...place,
    resourceName: z.string().regex(/^[A-Za-z0-9][\w-]{2,127}$/),
    isolationScope: z.string().optional(),
  }),
  'authorization:RoleAssignment': z.strictObject({
    principalId: guid,
    principalType: z.literal('ServicePrincipal'),
    roleDefinitionId: z
      .string()
      .regex(
        /^\/subscriptions\/[0-9a-f-]{36}\/providers\/Microsoft\.Authorization\/roleDefinitions\/[0-9a-f-]{36}$/,
      ),
    scope: z.union([
      id('Microsoft.ContainerRegistry/registries'),
      id('Microsoft.CognitiveServices/accounts'),
      id('Microsoft.KeyVault/vaults'),
      id('Microsoft.KeyVault/vaults/secrets'),
      id('Microsoft.Insights/components'),
      id('Microsoft.Network/applicationGateways'),
    ]),
  }),
  'keyvault:Vault': z.strictObject({
    ...place,
    vaultName: z.string().regex(/^[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]$/),
    properties: z.strictObject({
      tenantId: guid,
      sku: z.strictObject({ family: z.literal('A'), name: z.enum(['standard', 'premium']) }),
      enableRbacAuthorization: z.literal(true),
      enableSoftDelete: z.literal(true),
      softDeleteRetentionInDays: whole(7, 90),
      publicNetworkAccess: z.string().optional(),
      enabledForDeployment: z.literal(false).optional(),
      enabledForDiskEncryption: z.literal(false).optional(),
      enabledForTemplateDeployment: z.literal(false).optional(),
    }),
  }),
  'keyvault:Secret': z.strictObject({
    resourceGroupName: group,
    vaultName: z.string(),
    secretName: z.string().regex(/^[A-Za-z0-9-]{1,127}$/),
    properties: z.union([hidden, z.strictObject({ value: z.union([hidden, z.literal('unset')]) })]),
  }),
  'monitor:PrivateLinkScope': z.strictObject({
    resourceGroupName: group,
    scopeName: simpleName(255),
    location: everywhere,
    tags,
    accessModeSettings: z.strictObject({
      ingestionAccessMode: z.enum(['Open', 'PrivateOnly']),
      queryAccessMode: z.enum(['Open', 'PrivateOnly']),
    }),
  }),
  'monitor:PrivateLinkScopedResource': z.strictObject({
    resourceGroupName: group,
    scopeName: simpleName(255),
    name: z.string(),
    linkedResourceId: z.union([
      id('Microsoft.OperationalInsights/workspaces'),
      id('Microsoft.Insights/components'),
    ]),
  }),
  'applicationinsights:Workbook': z.strictObject({
    ...place,
    resourceName: guid,
    kind: z.literal('shared'),
    category: z.literal('workbook'),
    displayName: z.string().min(1),
    sourceId: id('Microsoft.OperationalInsights/workspaces'),
    serializedData: z.string().startsWith('{"version":"Notebook/1.0"'),
  }),
  'dns:RecordSet': z.strictObject({
    resourceGroupName: group,
    zoneName: z.string(),
    recordType: z.literal('A'),
    relativeRecordSetName: z.string().regex(/^(@|[a-z0-9-]+(\.[a-z0-9-]+)*)$/),
    ttl: whole(1, 2_147_483_647),
    targetResource: reference('Microsoft.Network/publicIPAddresses'),
  }),
  'consumption:Budget': z.strictObject({
    budgetName: z.string().regex(/^[\w-]{1,63}$/),
    scope: z.string().regex(/^\/subscriptions\/[0-9a-f-]{36}\/resourceGroups\/[^/]+$/),
    category: z.literal('Cost'),
    timeGrain: z.enum(['Monthly', 'Quarterly', 'Annually']),
    amount: z.number().positive(),
    timePeriod: z.strictObject({ startDate: z.string().regex(/^\d{4}-\d{2}-01T00:00:00Z$/) }),
    notifications: z.record(
      z.string(),
      z.strictObject({
        enabled: z.boolean(),
        operator: z.enum(['EqualTo', 'GreaterThan', 'GreaterThanOrEqualTo']),
        threshold: z.number().min(0).max(1000),
        contactEmails: z.array(z.email()).min(1),
      }),
    ),
  }),
}
