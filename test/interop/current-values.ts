import { connectAsync } from 'mqtt';

/** What the gateway's own broker retains for a tag. */
export interface CurrentValue {
  readonly timestamp_ms: number;
  readonly value: unknown;
  readonly quality: number;
}

/** The retained values of an asset's tags, and every one that came, as a client on the gateway's broker sees them. */
export class CurrentValues {
  readonly #latest = new Map<string, CurrentValue>();
  readonly #history: { readonly tag: string; readonly value: CurrentValue }[] = [];
  #end: () => Promise<void> = async () => undefined;

  static async follow(port: number, asset: string): Promise<CurrentValues> {
    const values = new CurrentValues();
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`);
    client.on('message', (topic, payload) => {
      const tag = topic.split('/').at(-1) ?? '';
      const value: CurrentValue = JSON.parse(payload.toString());
      values.#latest.set(tag, value);
      values.#history.push({ tag, value });
    });
    await client.subscribeAsync(`uns/v1/${asset}/+`);
    values.#end = () => client.endAsync();
    return values;
  }

  get size(): number {
    return this.#latest.size;
  }

  of(tag: string): CurrentValue | undefined {
    return this.#latest.get(tag);
  }

  /** Every value of a tag that came, in order. */
  history(tag: string): CurrentValue[] {
    return this.#history.filter((one) => one.tag === tag).map(({ value }) => value);
  }

  close(): Promise<void> {
    return this.#end();
  }
}
