import Testing

@testable import Services

struct MeterTests {
  @Test func bucketsAreFoundAsByTheirBounds() {
    let reference = { (time: UInt64) in MeterReading.bounds.firstIndex { time <= $0 } ?? MeterReading.bounds.count }
    var times: [UInt64] = [0, 1, .max]
    for bound in MeterReading.bounds { times += [bound - 1, bound, bound + 1] }
    for shift in 0..<60 { times += [1 << UInt64(shift), (1 << UInt64(shift)) + 7] }
    for time in times { #expect(MeterReading.bucket(of: time) == reference(time), "\(time)") }
  }

  @Test func shardsAddUp() {
    let meter = Meter(operations: ["get", "put"])
    for number in 0..<64 {
      let shard = meter.shard(number)
      shard.noteOpened()
      shard.note(bytesIn: 10, bytesOut: 20)
      shard.note(0, .ok, nanoseconds: 1_000)
      shard.note(1, .refused, nanoseconds: 100_000, times: 3)
      // No such operations.
      shard.note(2, .ok, nanoseconds: 1)
      shard.note(-1, .ok, nanoseconds: 1)
    }
    meter.shard(3).noteClosed()
    let reading = meter.reading
    #expect(reading.opened == 64 && reading.closed == 1 && reading.bytesIn == 640 && reading.bytesOut == 1280)
    #expect(reading.operations[0].outcomes == [64, 0, 0] && reading.operations[0].buckets[0] == 64)
    #expect(reading.operations[1].outcomes == [0, 192, 0] && reading.operations[1].buckets[2] == 192)
    #expect(reading.operations[1].total == 192 && reading.operations[1].nanoseconds == 19_200_000)
  }

  /// Threads that count on one shard lose nothing.
  @Test func threadsDoNotLoseCounts() async {
    let meter = Meter(operations: ["x"])
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<4 {
        group.addTask { for _ in 0..<5_000 { meter.shard(number % 2).note(0, .ok, nanoseconds: 1) } }
      }
    }
    #expect(meter.reading.operations[0].total == 20_000)
  }

  @Test func oneServiceIsOneReading() {
    let meters = Meters()
    let first = meters.meter(.ssh, ["auth"])
    #expect(first === meters.meter(.ssh, ["auth"]))
    first.note(0, .ok, nanoseconds: 1)
    meters.meter(.ssh, ["sftp-read", "auth"]).note(1, .failed, nanoseconds: 1)
    let readings = meters.serviceReadings
    #expect(readings.map(\.name) == ["ssh"])
    #expect(readings[0].reading.operations.first { $0.name == "auth" }?.outcomes == [1, 0, 1])
    meters.store("mail").note(StoreOperation.commit.rawValue, .ok, nanoseconds: 5)
    #expect(meters.storeReadings[0].reading.operations.map(\.total) == [0, 1])
  }
}
