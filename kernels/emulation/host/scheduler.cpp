#include "scheduler.h"

#include <algorithm>
#include <memory>

#include "barrier.h"
#include "context.h"
#include "shared.h"

namespace awqm::emulation {

// What each fiber does.
void thread_main() {
    Fiber &me = *current;
    const Launch &launch = *me.block->launch;
    launch.kernel(launch.function, launch.args);
    if (!me.open_group.empty()) fail("the thread ends with asynchronous copies that belong to no group");
    for (auto &group : me.groups) {
        if (!group.empty()) fail("the thread ends with asynchronous copies on their way");
    }
    thread_exits(me);
}

namespace {

class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
    uint64_t below(uint64_t n) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return (state_ >> 11) % n;
    }

  private:
    uint64_t state_;
};

class Scheduler {
  public:
    explicit Scheduler(Launch &launch)
        : launch_(launch), order_(launch.options.order), random_(launch.options.seed),
          total_(static_cast<uint64_t>(launch.grid.x) * launch.grid.y * launch.grid.z) {
        if (order_ != Order::Random) return;
        straggling_ = launch.options.seed % 2 == 1;
        shuffled_.resize(total_);
        for (uint64_t i = 0; i < total_; i++) shuffled_[i] = i;
        for (uint64_t i = total_; i > 1; i--) std::swap(shuffled_[i - 1], shuffled_[random_.below(i)]);
    }

    ~Scheduler() {
        for (auto &block : alive_) close(*block);
    }

    void run() {
        for (;;) {
            admit();
            if (alive_.empty()) return;
            progress_ = spinning_ = false;
            for (size_t i = 0; i < alive_.size(); i++) {
                turn(*alive_[order_ == Order::Random ? random_.below(alive_.size()) : i]);
                if (failed()) return;
            }
            if (order_ == Order::Random && !progress_) look_for_runnable();
            retire();
            if (failed()) return;
            // Where all that is left turns in circles, nobody will ever let it out.
            idle_ = progress_ ? 0 : idle_ + 1;
            if (!progress_ && (!spinning_ || idle_ > 1000)) return deadlock();
        }
    }

  private:
    bool failed() const { return !launch_.error.empty(); }

    void admit() {
        uint64_t cap = launch_.options.resident ? launch_.options.resident : UINT64_MAX;
        while (next_ < total_ && alive_.size() < cap) {
            uint64_t i = next_++;
            if (order_ == Order::Reverse || order_ == Order::GreedyReverse) i = total_ - 1 - i;
            if (order_ == Order::Random) i = shuffled_[i];
            alive_.push_back(open(i));
        }
    }

    std::unique_ptr<Block> open(uint64_t i) {
        auto block = std::make_unique<Block>();
        const Index &grid = launch_.grid, &size = launch_.block;
        block->launch = &launch_;
        block->index = {static_cast<uint32_t>(i % grid.x), static_cast<uint32_t>(i / grid.x % grid.y),
                        static_cast<uint32_t>(i / grid.x / grid.y)};
        block->live = size.x * size.y * size.z;
        block->fibers.resize(block->live);
        block->warps.resize((block->live + 31) / 32);
        for (uint32_t t = 0; t < block->live; t++) {
            Fiber &fiber = block->fibers[t];
            fiber.block = block.get();
            fiber.linear = t;
            fiber.warp = t / 32;
            fiber.lane = t % 32;
            fiber.index = {t % size.x, t / size.x % size.y, t / size.x / size.y};
            block->warps[fiber.warp].lanes |= 1u << fiber.lane;
        }
        if (straggling_) block->straggler = random_.below(block->warps.size());
        open_shared(*block);
        return block;
    }

    void close(Block &block) {
        for (Fiber &fiber : block.fibers) release(fiber);
        if (block.shared) close_shared(block);
    }

    // One block's turn: each of its warps, or some of them.
    void turn(Block &block) {
        if (block.live == 0) return;
        uint64_t warps = block.warps.size();
        bool reverse = order_ == Order::Reverse || order_ == Order::GreedyReverse, random = order_ == Order::Random;
        uint64_t turns = random ? 1 + random_.below(warps) : warps;
        for (uint64_t i = 0; i < turns && !failed(); i++) {
            uint64_t warp = random ? random_.below(warps) : reverse ? warps - 1 - i : i;
            if (straggling_ && falls_behind(block, block.warps[warp])) continue;
            uint64_t sweeps = order_ == Order::Greedy || order_ == Order::GreedyReverse ? UINT64_MAX : random ? 1 + random_.below(8) : 1;
            while (sweeps-- > 0 && sweep(block, warp) && !failed()) {}
        }
    }

    // With every other seed of Random one warp of each block sleeps behind each barrier until nothing else can run: that is
    // how a write comes far too late.
    bool falls_behind(Block &block, Warp &warp) {
        if (&warp == &block.warps[block.straggler] && warp.slept_behind != block.barrier.opened) {
            warp.slept_behind = block.barrier.opened;
            warp.asleep = true;
            asleep_.push_back(&warp);
        }
        return warp.asleep;
    }

    // Each lane of a warp that can run, once. False when none could.
    bool sweep(Block &block, uint64_t warp) {
        uint64_t first = warp * 32, lanes = std::min<uint64_t>(32, block.fibers.size() - first);
        uint64_t rotation = order_ == Order::Random ? random_.below(32) : 0;
        bool reverse = order_ == Order::Reverse || order_ == Order::GreedyReverse, ran = false;
        for (uint64_t i = 0; i < 32; i++) {
            // 5 is odd, so this goes through all lanes
            uint64_t lane = order_ == Order::Random ? (5 * i + rotation) % 32 : reverse ? 31 - i : i;
            if (lane >= lanes) continue;
            Fiber &fiber = block.fibers[first + lane];
            if (fiber.state == State::Spinning) {
                spinning_ = true;
                fiber.state = State::Ready;
            } else if (fiber.state == State::Ready) {
                ran = progress_ = true;
            } else {
                continue;
            }
            launch_.stats.switches++;
            resume(fiber);
            if (failed()) return false;
        }
        return ran;
    }

    // Random leaves out some that could run. Where all of them sleep, one wakes.
    void look_for_runnable() {
        for (auto &block : alive_) {
            for (Fiber &fiber : block->fibers) {
                spinning_ |= fiber.state == State::Spinning;
                progress_ |= fiber.state == State::Ready && !block->warps[fiber.warp].asleep;
            }
        }
        if (progress_ || asleep_.empty()) return;
        std::swap(asleep_[random_.below(asleep_.size())], asleep_.back());
        asleep_.back()->asleep = false;
        asleep_.pop_back();
        spinning_ = true;  // it may go on, or only turn in its circle
    }

    // Warps that fell asleep when they had nothing left to do.
    void forget_sleepers(Block &block) {
        auto of_block = [&](const Warp *warp) { return warp >= block.warps.data() && warp < block.warps.data() + block.warps.size(); };
        asleep_.erase(std::remove_if(asleep_.begin(), asleep_.end(), of_block), asleep_.end());
    }

    void retire() {
        for (size_t i = 0; i < alive_.size();) {
            if (alive_[i]->live > 0) {
                i++;
                continue;
            }
            progress_ = true;
            launch_.stats.blocks++;
            forget_sleepers(*alive_[i]);
            close(*alive_[i]);
            alive_.erase(alive_.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }

    // Names one waiting thread for each place where some wait.
    void deadlock() {
        std::string text = "deadlock:";
        std::vector<std::pair<const char *, int>> seen;
        for (auto &block : alive_) {
            for (Fiber &fiber : block->fibers) {
                if (fiber.state == State::Done || fiber.state == State::Ready) continue;
                std::pair<const char *, int> place{fiber.waits_for, fiber.line};
                if (seen.size() == 8 || std::find(seen.begin(), seen.end(), place) != seen.end()) continue;
                seen.push_back(place);
                const Index &b = block->index;
                text += " block (" + std::to_string(b.x) + ", " + std::to_string(b.y) + ", " + std::to_string(b.z) + ") thread " +
                        std::to_string(fiber.linear) + " waits at " + fiber.waits_for + ":" + std::to_string(fiber.line) + ";";
            }
        }
        text.pop_back();
        launch_.error = text;
    }

    Launch &launch_;
    Order order_;
    Random random_;
    uint64_t total_, next_ = 0, idle_ = 0;
    bool progress_ = false, spinning_ = false, straggling_ = false;
    std::vector<uint64_t> shuffled_;
    std::vector<Warp *> asleep_;
    std::vector<std::unique_ptr<Block>> alive_;
};

}  // namespace

void run(Launch &launch) { Scheduler(launch).run(); }

}  // namespace awqm::emulation
