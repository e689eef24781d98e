/**
 * State that replicas and revisions share: sideband sessions, tickets, limits, conversations.
 * One small interface; memory when a replica is alone (its supervisor's, where it has several workers), Redis otherwise.
 *
 * Keys are plain words (`session:…`); an implementation may prefix them. Every entry expires. Every
 * operation is atomic, and fails with GatewayError `store_unavailable` within a bounded time.
 */
export interface Store {
  /** Why the store cannot be used now, or is nearly full; null while all is well. */
  unavailable(): string | null

  /** @returns null when there is no such entry, or it has expired */
  get(key: string): Promise<string | null>
  set(key: string, value: string, ttlMs: number): Promise<void>
  /**
   * Replaces a text that says its own revision (`revisedText`), if the stored one still has the revision that its
   * writer knows. Of several writers who know the same one, one succeeds; a write that arrives late replaces nothing newer.
   * @param was revision of the stored text; 0: there is none, or it says none
   * @returns false, changing nothing, where the stored text has another revision
   */
  compareAndSet(key: string, was: number, text: string, ttlMs: number): Promise<boolean>
  /** Sets a value unless there is one. @returns whether it was set */
  claim(key: string, value: string, ttlMs: number): Promise<boolean>
  /** Prolongs an entry if it holds the value. @returns whether it did */
  renew(key: string, value: string, ttlMs: number): Promise<boolean>
  /** Reads and deletes: of several callers at once, one gets the value. */
  take(key: string): Promise<string | null>
  /** Adds to a counter; the first addition starts its life. @returns the sum */
  increment(key: string, by: number, ttlMs: number): Promise<number>
  delete(key: string): Promise<void>

  /** Creates or replaces a record. */
  create(key: string, fields: Fields, ttlMs: number): Promise<void>
  /** Creates a record unless there is one, which stays as it is. @returns whether it was created */
  createUnlessThere(key: string, fields: Fields, ttlMs: number): Promise<boolean>
  /** @returns all fields; null when there is no such record, or it has expired */
  read(key: string): Promise<Record<string, string> | null>
  /**
   * Changes a record that exists, and prolongs it.
   * @param change `set` replaces fields, `add` adds whole numbers, `unless` names a field that must still be
   *   empty, `when` those that must hold a value, `once` makes it safe to repeat: where the record has this number, or a
   *   higher one, of its writer, nothing changes, and the answer is that of the first time
   * @returns false, changing nothing, when there is no such record or a field does not stand as it must
   */
  update(key: string, change: Change, ttlMs: number): Promise<boolean>
  /** Changes a record as `update` does, and reads it in the same operation. @returns null where there is no such record */
  updateAndRead(key: string, change: Change, ttlMs: number): Promise<UpdatedRecord | null>
  /**
   * Adds whole numbers to fields of a record, which is made where there is none, and prolongs it.
   * @param once makes it safe to repeat: a write adds nothing where the record has this number, or a higher one, of its
   *   writer; absent, each call adds
   */
  accumulate(
    key: string,
    add: Readonly<Record<string, number>>,
    ttlMs: number,
    once?: NumberedWrite,
  ): Promise<void>

  /** Lists a member under a name until it expires; listing it again prolongs it. */
  list(name: string, member: string, ttlMs: number): Promise<void>
  /**
   * Lists a member as `list` does, unless as many others are listed under the name as may be.
   * @param most members that may be listed at once
   * @returns whether it is listed
   */
  enlist(name: string, member: string, most: number, ttlMs: number): Promise<boolean>
  unlist(name: string, member: string): Promise<void>
  /** Reads one page of the members that have not expired, soonest to expire first. */
  page(name: string, offset: number, count: number): Promise<{ members: string[]; total: number }>

  /**
   * Charges an entry to an account, unless that would exceed the account's quota. Charging an entry again
   * replaces its size and its life. An entry counts until it expires or is discharged.
   * @returns false, changing nothing, when the quota does not allow it
   */
  charge(account: string, entry: string, charge: Charge, quota: Quota): Promise<boolean>
  discharge(account: string, entry: string): Promise<void>

  /**
   * Tells an autoscaler how loaded one member of a group is, until that expires: a plain Redis list has as many
   * entries as the whole group has units. Absent where no autoscaler can read the store.
   * @param units of this member, may be a fraction; 0 takes it off
   */
  publishUnits?(group: string, member: string, units: number, ttlMs: number): Promise<void>

  /** Safe to call twice. */
  close(): Promise<void>
}

/** A write that its writer repeats under the same number until it is confirmed. */
export interface NumberedWrite {
  /** The field of the record that keeps the number of the writer's last write. */
  readonly field: string
  /** From 1, each higher than the one before. */
  readonly number: number
}

export type Fields = Readonly<Record<string, string | number>>

export interface Change {
  readonly set?: Fields
  readonly add?: Readonly<Record<string, number>>
  readonly unless?: string
  readonly when?: readonly HeldField[]
  readonly once?: NumberedWrite
}

/** A field that must hold a value; one that is not there holds none, not even ''. */
export interface HeldField {
  readonly field: string
  readonly is: string
}

export interface UpdatedRecord {
  readonly isChanged: boolean
  /** All fields, as they are after the operation. */
  readonly fields: Readonly<Record<string, string>>
}

/** What an entry takes, and for how long (ms). */
export interface Charge {
  readonly bytes: number
  readonly ttlMs: number
}

/** What the entries of one account may take together; finite, as numbers cross process borders as JSON. */
export interface Quota {
  readonly entries: number
  readonly bytes: number
}
