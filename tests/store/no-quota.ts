/** For tests of what is stored, not of how much. */
export const noQuota = { charge: async () => undefined }
