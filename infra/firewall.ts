/**
 * The web application firewall. Of a WebSocket it sees the upgrade request and no frame after it
 * (learn.microsoft.com, application-gateway/application-gateway-websocket): what it must let pass are the
 * credentials and tickets of the upgrade.
 */
import * as network from '@pulumi/azure-native/network/index.js'
import type { Foundation } from './foundation.ts'

/** Creates the policy: Microsoft's rules against attacks and bots. */
export function createFirewallPolicy({ names, settings, group, within, tags }: Foundation) {
  return new network.WebApplicationFirewallPolicy(
    'firewall',
    {
      policyName: names.firewallPolicy,
      resourceGroupName: group,
      location: settings.location,
      tags,
      policySettings: {
        mode: settings.firewallMode,
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
          // Signed random text, in which a rule may see anything.
          { matchVariable: 'RequestArgNames', selectorMatchOperator: 'Equals', selector: 'ticket' },
          { matchVariable: 'RequestArgNames', selectorMatchOperator: 'Equals', selector: 'resume' },
          {
            matchVariable: 'RequestHeaderNames',
            selectorMatchOperator: 'Equals',
            selector: 'Sec-WebSocket-Protocol',
          },
        ],
      },
    },
    within,
  )
}
