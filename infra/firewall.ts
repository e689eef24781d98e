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
        {
          ruleSetType: 'Microsoft_DefaultRuleSet',
          ruleSetVersion: '2.1',
          ruleGroupOverrides: [
            {
              ruleGroupName: 'PROTOCOL-ENFORCEMENT',
              // "Request content type is not allowed": a bare WebRTC offer is application/sdp, which that list
              // lacks. The gateway itself refuses types that it does not take.
              rules: [{ ruleId: '920420', state: 'Disabled' }],
            },
          ],
        },
        { ruleSetType: 'Microsoft_BotManagerRuleSet', ruleSetVersion: '1.1' },
      ],
      exclusions: [
        // A WebRTC offer, and what a model is told, are text that looks like an attack to several rules.
        { matchVariable: 'RequestArgNames', selectorMatchOperator: 'Equals', selector: 'sdp' },
        { matchVariable: 'RequestArgNames', selectorMatchOperator: 'Equals', selector: 'instructions' },
        { matchVariable: 'RequestArgNames', selectorMatchOperator: 'StartsWith', selector: 'session' },
      ],
    },
  })
}
