/** The web application firewall; of a WebSocket it sees the upgrade only. */
import * as network from '@pulumi/azure-native/network/index.js'
import type { Ground } from './ground.ts'

/** Creates the policy: Microsoft's rules against attacks and bots, in prevention. */
export function createFirewallPolicy({ names, settings, group }: Ground) {
  return new network.WebApplicationFirewallPolicy('firewall', {
    policyName: names.firewallPolicy,
    resourceGroupName: group,
    location: settings.location,
    policySettings: {
      mode: 'Prevention',
      state: 'Enabled',
      requestBodyCheck: true,
      maxRequestBodySizeInKb: 128,
    },
    managedRules: {
      managedRuleSets: [
        { ruleSetType: 'Microsoft_DefaultRuleSet', ruleSetVersion: '2.1' },
        { ruleSetType: 'Microsoft_BotManagerRuleSet', ruleSetVersion: '1.1' },
      ],
      exclusions: [
        // A WebRTC offer is text that looks like an attack to several rules.
        { matchVariable: 'RequestArgNames', selectorMatchOperator: 'Equals', selector: 'sdp' },
      ],
    },
  })
}
