import t from 'tap';
import { demoSummary } from '../../src/cli/demo/demo-report.ts';

t.test('the ending says what was counted, how the equipment is, and what its case rests on', async (t) => {
  const text = demoSummary({
    fixture: 'line',
    speed: 2,
    durationSeconds: 60,
    samplesRead: 1000,
    eventsAccepted: 100,
    eventsForwarded: 98,
    eventsWaiting: 2,
    gaps: 0,
    received: 98,
    repeatsDropped: 3,
    lost: 0,
    duplicatesAfterDedupe: 0,
    orderViolations: 0,
    wanCutSeconds: 12,
    drainSeconds: 0.5,
    cases: [
      {
        asset: 'a/pump',
        caseId: 'pump-1',
        status: 'updated',
        urgency: 'soon',
        score: 55,
        confidence: 0.9,
        predictedFailure: null,
        noDateReason: 'no significant trend',
        topContributors: [
          { tag: 'vibration', expected: 1, actual: 3.5, unit: 'mm/s', share: 0.8 },
          { tag: 'ratio', expected: 1, actual: 2, unit: '', share: 0.2 },
        ],
        regime: '1',
        firstSeen: 0,
        evidence: 'there is evidence of raised vibration',
        modelVersion: 'x',
      },
    ],
    assets: [
      { asset: 'a/pump', state: 'scoring', learned: 1, score: 55.4, confidence: 0.9, sensorFaults: [] },
      {
        asset: 'a/fan',
        state: 'learning',
        learned: 0.43,
        score: 100,
        confidence: 0.2,
        sensorFaults: [{ tag: 'heat', kind: 'bad_quality' }],
      },
      { asset: 'a/mill', state: 'waiting', learned: 0, score: null, confidence: 0, sensorFaults: [] },
    ],
  });
  for (const line of [
    /^ {2}samples read +1000 {2}from the equipment/m,
    /^ {2}events waiting +2$/m,
    /^ {2}lost +0$/m,
    /cut for 12 s; the backlog was through 0.5 s/,
    /^ {2}a\/pump: health 55 of 100, against what it learnt as usual$/m,
    /^ {2}a\/fan: health 100 of 100, still learning, 43 % of what is usual; not to be trusted: heat bad quality$/m,
    /^ {2}a\/mill: no score yet$/m,
    /^ {2}a\/pump: soon, score 55 \(confidence 0.9\)$/m,
    /^ {4}80 % vibration: 3.5 mm\/s, expected 1 mm\/s$/m,
    /^ {4}20 % ratio: 2, expected 1$/m,
    /no date, because: no significant trend$/m,
  ])
    t.match(text, line);
});
