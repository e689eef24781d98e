/** A budget of the resource group, which tells people and stops nothing. */
import * as consumption from '@pulumi/azure-native/consumption/index.js'
import type { Foundation } from './foundation.ts'

/** Shares of the budget, in percent, at which someone is told. */
const shares = [80, 100]

/** Creates the budget; nothing without an amount. */
export function createBudget({ names, settings, groupId, within, clock }: Foundation): void {
  const { monthlyBudget, alertEmail } = settings
  if (monthlyBudget === 0 || alertEmail === undefined) return
  const notifications = Object.fromEntries(
    shares.map(threshold => [
      `at-${threshold}`,
      { enabled: true, operator: 'GreaterThanOrEqualTo', threshold, contactEmails: [alertEmail] },
    ]),
  )
  // Azure takes the first day of a month, this one's at the earliest.
  const month = new Date(clock.now()).toISOString().slice(0, 7)
  new consumption.Budget(
    'budget',
    {
      budgetName: names.budget,
      scope: groupId,
      category: 'Cost',
      timeGrain: 'Monthly',
      amount: monthlyBudget,
      timePeriod: { startDate: `${month}-01T00:00:00Z` },
      notifications,
    },
    { ...within, ignoreChanges: ['timePeriod'] },
  )
}
