// Lengths, alignments, options and layouts: each case in all its forms (conform.cpp).
#include <algorithm>

#include "sections.hpp"

namespace device_tests {

void lengths(Context& context) {
  Random random(context.seed);
  std::vector<size_t> all;
  for (size_t n = 0; n <= context.pick<size_t>(0, 66, 1100); ++n) all.push_back(n);
  // Around what a lane, a mask word, a warp, a block and a tile of blocks hold.
  for (const size_t border : {8, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384})
    for (const size_t n : {border - 1, border, border + 1}) all.push_back(n);
  if (context.effort != Effort::kTiny) {
    for (const size_t border : {32768, 65536})
      for (const size_t n : {border - 1, border, border + 1, border + 257}) all.push_back(n);
  }
  for (const jumpout_dtype dtype : kDtypes) {
    for (const size_t n : all) {
      if (context.effort == Effort::kTiny && n > 5000 && dtype != JUMPOUT_FLOAT32) continue;
      Case c = drawnCase(random, dtype, n);
      c.options.relu = static_cast<int32_t>(random.below(2));
      runCase(context.report, context.device, c);
    }
  }
}

void alignments(Context& context) {
  Random random(context.seed + 1);
  const size_t step = context.pick<size_t>(3, 1, 1);
  for (const jumpout_dtype dtype : kDtypes) {
    for (size_t in = 0; in < 8; in += step) {
      for (size_t out = 0; out < 8; out += step) {
        for (size_t which = 0; which < context.pick<size_t>(1, 1, 4); ++which) {
          const size_t sizes[] = {300 + random.below(900), 1 + random.below(40), 5000 + random.below(5000),
                                  30000 + random.below(300000)};
          Case c = drawnCase(random, dtype, sizes[which]);
          c.input_lead = in;
          c.output_lead = out;
          c.mask_lead = (in + out) % 4;
          c.options.relu = static_cast<int32_t>((in ^ out) & 1);
          // The alignment of the elements and that of the Philox blocks are two things.
          if (random.oneIn(3)) makeShard(random, c, random.below(64), 100000 + c.length);
          runCase(context.report, context.device, c);
        }
      }
    }
  }
}

void optionsAtTheirEnds(Context& context) {
  Random random(context.seed + 2);
  const double largest = 65535.0 / 65536.0;
  for (const jumpout_dtype dtype : kDtypes) {
    if (context.effort == Effort::kTiny && dtype == JUMPOUT_FLOAT16) continue;
    const auto run = [&](auto&& change) {
      Case c;
      c.dtype = dtype;
      c.length = context.pick<size_t>(200, 777, 7777) + random.below(8);
      c.seed = random.bits();
      c.call = random.below(1000);
      c.data_seed = random.bits();
      change(c.options);
      runCase(context.report, context.device, c);
      c.options.relu = 1;
      runCase(context.report, context.device, c);
    };
    for (const double rate : {0.0, 1.0 / 131072.0, 0.25, largest}) {
      for (const int32_t normalize : {0, 1}) {
        run([&](jumpout_options& o) { o.rate = rate, o.normalize = normalize; });
        run([&](jumpout_options& o) { o.rate = rate, o.normalize = normalize, o.max_rate = largest; });
      }
    }
    for (const double exponent : {0.0, 0.5, 0.75, 1.0, 2.3, 8.0, 1e3}) {
      run([&](jumpout_options& o) { o.exponent = exponent; });
      run([&](jumpout_options& o) { o.exponent = exponent, o.rate = largest, o.normalize = 0; });
    }
    run([](jumpout_options& o) { o.max_rate = 0.0; });
    run([](jumpout_options& o) { o.p_min = o.p_max = 0.0; });
    run([](jumpout_options& o) { o.sigma = 0.0; });
    run([](jumpout_options& o) { o.sigma = 1e308, o.p_max = 0.5; });
    run([&](jumpout_options& o) { o.p_min = o.p_max = largest, o.max_rate = largest; });
  }
}

void samples(Context& context) {
  Random random(context.seed + 3);
  const std::vector<uint64_t> rows =
      context.effort == Effort::kTiny
          ? std::vector<uint64_t>{1, 33, 1000}
          : std::vector<uint64_t>{1,    2,    3,    5,    7,    8,    9,    15,   31,   32,   33,
                                  50,   63,   64,   65,   100,  127,  128,  129,  255,  256,  257,
                                  500,  511,  512,  513,  784,  999,  1000, 1023, 1024, 1025, 1537,
                                  2047, 2048, 2049, 3001, 4096, 4099, 8191, 8192, 8193, 12289};
  for (const jumpout_dtype dtype : kDtypes) {
    for (const uint64_t row : rows) {
      const size_t count = 1 + random.below(context.pick<uint64_t>(3, row > 2000 ? 3 : 12, 40));
      runCase(context.report, context.device, drawnCase(random, dtype, row * count, row));
    }
    // More groups than a grid has blocks, or a block threads.
    const size_t many = context.pick<size_t>(100, 5000, 300000);
    runCase(context.report, context.device, drawnCase(random, dtype, many * 3, 3));
    runCase(context.report, context.device, drawnCase(random, dtype, many / 10 * 17, 17));
    if (context.effort != Effort::kFull) continue;
    for (const uint64_t row : {16384, 32767, 65536, 65537, 100003, 131072, 262144, 1000001})
      runCase(context.report, context.device, drawnCase(random, dtype, row * (1 + random.below(4)), row));
  }
}

void channels(Context& context) {
  Random random(context.seed + 4);
  for (const jumpout_dtype dtype : kDtypes) {
    for (const uint64_t plane :
         {2, 3, 4, 7, 8, 9, 16, 25, 31, 32, 33, 49, 64, 81, 121, 196, 255, 256, 1000}) {
      if (context.effort == Effort::kTiny && plane % 3 != 1) continue;
      const uint64_t per_sample = 1 + random.below(9);
      const size_t length = plane * per_sample * (1 + random.below(context.pick<uint64_t>(2, 4, 50)));
      runCase(context.report, context.device, drawnCase(random, dtype, length, 0, plane));
      runCase(context.report, context.device, drawnCase(random, dtype, length, plane * per_sample, plane));
    }
    runCase(context.report, context.device, drawnCase(random, dtype, 777, 0, 5000));  // one plane, cut
  }
}

// Channels in the last dimension. A multiple of 8 of them, where everything is aligned, has a way of its own.
void interleaved(Context& context) {
  using jumpout::cuda::Way;
  Random random(context.seed + 32);
  const Device device(context.device.number(), context.device.policy().value_or(Policy{}));
  const std::vector<uint64_t> all{2,  3,  7,  8,  9,   10,  16,  24,  31,   32,
                                  40, 63, 64, 96, 100, 248, 256, 264, 1000, 5000};
  for (const jumpout_dtype dtype : kDtypes) {
    for (const uint64_t channels : all) {
      if (context.effort == Effort::kTiny && channels % 16 != 8) continue;
      for (uint64_t repeat = 0; repeat < context.pick<uint64_t>(1, 3, 30); ++repeat) {
        const uint64_t pixels = 2 + random.below(random.oneIn(2) ? 3 : 60), sample = pixels * channels;
        const uint64_t most = context.pick<uint64_t>(2000, 20000, 1000000) / sample + 1;
        const bool by_sample = random.oneIn(2);
        Case c = drawnCase(random, dtype, sample * (1 + random.below(most)), by_sample ? sample : 0, pixels);
        c.layout.channels = channels;
        if (random.oneIn(2)) {
          // A part, cut anywhere, of a tensor that a 64-bit index can just number, or of a smaller one.
          if (random.oneIn(2)) c.length -= random.below(std::min<uint64_t>(c.length, 300));
          const uint64_t offsets[] = {random.below(3000),      8 * random.below(3000),
                                      uint64_t{1} << 32,       (uint64_t{1} << 53) - 8 * random.below(100000),
                                      random.bits() >> 8 << 3, (uint64_t{1} << 63) + 8 * random.below(1000)};
          const uint64_t offset = offsets[random.below(std::size(offsets))];
          makeShard(random, c, offset, c.length + random.below(1000000));
        }
        const Taken taken = runCase(context.report, device, c);
        const bool fits = channels % 8 == 0 && c.layout.element_offset % 8 == 0 &&
                          c.input_lead * bytesOf(dtype) % 16 == 0 && c.output_lead * bytesOf(dtype) % 16 == 0;
        context.report.check(taken.way == (fits ? Way::kInterleaved : Way::kGeneral), [&] {
          return std::string(jumpout::cuda::nameOf(taken.way)) + " was taken, " + c.describe();
        });
      }
    }
    // Divisors of every size, which few elements then have to do with.
    for (uint64_t i = 0; i < context.pick<uint64_t>(4, 60, 600); ++i) {
      Case c =
          drawnCase(random, dtype, 100 + random.below(900), 0, 2 + (random.bits() >> 40 >> random.below(24)));
      c.input_lead = c.output_lead = 0;
      c.layout.channels = 8 * (1 + (random.bits() >> 32 >> random.below(32)));
      makeShard(random, c, random.bits() >> 4 >> random.below(60) << 3, uint64_t{1} << 40);
      runCase(context.report, device, c);
    }
  }
}

void shards(Context& context) {
  Random random(context.seed + 5);
  const uint64_t rows[] = {0, 1, 7, 50, 333, 4096, 100000};
  const uint64_t planes[] = {1, 1, 9, 32, 49, 1000};
  for (uint64_t i = 0; i < context.pick<uint64_t>(12, 200, 2000); ++i) {
    const size_t length = 1 + random.below(context.pick<uint64_t>(300, 3000, 20000));
    const uint64_t row = rows[random.below(std::size(rows))];
    Case c = drawnCase(random, kDtypes[i % 3], row && row < 8 ? length % 500 + 1 : length, row,
                       planes[random.below(std::size(planes))]);
    const uint64_t offsets[] = {random.below(100),
                                random.below(1000000),
                                (uint64_t{1} << 31) - random.below(length),
                                (uint64_t{1} << 32) - random.below(length),
                                (uint64_t{1} << 40) + random.below(99),
                                (uint64_t{1} << 62) + 5};
    const uint64_t offset = offsets[random.below(std::size(offsets))];
    makeShard(random, c, offset, length + random.below(uint64_t{1} << 45));
    runCase(context.report, context.device, c);
  }
}

void givenCounts(Context& context) {
  Random random(context.seed + 6);
  for (const jumpout_dtype dtype : kDtypes) {
    for (const size_t n : {size_t{1}, size_t{31}, size_t{1000}, context.pick<size_t>(1500, 30001, 3000001)}) {
      Case c = drawnCase(random, dtype, n);
      c.active = {random.below(n + 1)};
      runCase(context.report, context.device, c);  // total left to the layout
      c.active = {0};
      runCase(context.report, context.device, c);
      c.active = {n};
      runCase(context.report, context.device, c);
      c.active.clear();
      c.all_active = true;
      runCase(context.report, context.device, c);
      c.layout.group_size = n % 10 ? n : n / 10;
      runCase(context.report, context.device, c);
      c.all_active = false;
      for (size_t row = 0; row < groupsOf(c); ++row)
        c.active.push_back(random.below(c.layout.group_size + 1));
      runCase(context.report, context.device, c);
    }
  }
}

void largeTensors(Context& context) {
  Random random(context.seed + 7);
  std::vector<size_t> sizes{65535, 200001};
  if (context.effort == Effort::kTiny) sizes = {20003};
  if (context.effort == Effort::kFull)
    for (const size_t millions : {1, 2, 4, 8, 11, 12, 16, 24, 32, 48}) {
      sizes.push_back(millions << 20);
      sizes.push_back((millions << 20) + random.below(1000));
    }
  for (const size_t n : sizes) {
    for (const jumpout_dtype dtype : kDtypes) {
      if (context.effort == Effort::kTiny && dtype == JUMPOUT_FLOAT16) continue;
      runCase(context.report, context.device, drawnCase(random, dtype, n));
      if (n > 20000000) continue;
      Case shifted = drawnCase(random, dtype, n);
      shifted.input_lead = 1;
      runCase(context.report, context.device, shifted);
    }
  }
}

void randomCases(Context& context) {
  Random random(context.seed + 8);
  const size_t most = context.pick<size_t>(1500, 12000, 120000);
  for (uint64_t i = 0; i < context.cases; ++i)
    runCase(context.report, context.device, randomCase(random, most));
}

}  // namespace device_tests
