#include "context.h"

#include <sys/mman.h>

#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define AWQM_ASAN 1
#endif
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace awqm::emulation {

thread_local Fiber *current = nullptr;

// The body of a fiber, in scheduler.cpp.
void thread_main();

namespace {

// Stacks are cut from slabs with an unreadable page at the bottom of each stack, and used again, the last one first.
class Stacks {
  public:
    char *take() {
        if (free_.empty()) grow();
        char *stack = free_.back();
        free_.pop_back();
        return stack;
    }
    void give(char *stack) {
#ifdef AWQM_ASAN
        __asan_unpoison_memory_region(stack, STACK_BYTES);  // what an abandoned fiber left marked
#endif
        free_.push_back(stack);
    }
    ~Stacks() {
        for (char *slab : slabs_) munmap(slab, SLAB);
    }

  private:
    static constexpr size_t SLAB = 64 * STACK_BYTES;
    void grow() {
        void *slab = mmap(nullptr, SLAB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (slab == MAP_FAILED) throw std::bad_alloc();
        slabs_.push_back(static_cast<char *>(slab));
        // Each protected page is one more mapping and a process has some 65,000, so only as many stacks as a few blocks need.
        bool guarded = slabs_.size() <= 128;
        for (size_t at = SLAB; at > 0; at -= STACK_BYTES) {
            char *stack = static_cast<char *>(slab) + at - STACK_BYTES;
            if (guarded) mprotect(stack, 4096, PROT_NONE);
            free_.push_back(stack);
        }
    }
    std::vector<char *> slabs_, free_;
};
thread_local Stacks stacks;

#ifdef AWQM_ASAN
thread_local void *scheduler_fake_stack;
thread_local const void *scheduler_bottom;
thread_local size_t scheduler_size;
#endif

void before_fiber([[maybe_unused]] Fiber &fiber) {
#ifdef AWQM_ASAN
    __sanitizer_start_switch_fiber(&scheduler_fake_stack, fiber.stack, STACK_BYTES);
#endif
}
void in_scheduler_again() {
#ifdef AWQM_ASAN
    __sanitizer_finish_switch_fiber(scheduler_fake_stack, nullptr, nullptr);
#endif
}
void *before_scheduler([[maybe_unused]] bool for_good) {
    void *fake = nullptr;
#ifdef AWQM_ASAN
    __sanitizer_start_switch_fiber(for_good ? nullptr : &fake, scheduler_bottom, scheduler_size);
#endif
    return fake;
}
void in_fiber([[maybe_unused]] void *fake) {
#ifdef AWQM_ASAN
    __sanitizer_finish_switch_fiber(fake, &scheduler_bottom, &scheduler_size);
#endif
}

void first_run() {
    in_fiber(nullptr);
    thread_main();
    suspend();
    __builtin_unreachable();
}

#if defined(__x86_64__)

// Keeps the registers that a call keeps on the old stack, and takes them from the new one.
extern "C" void awqm_emulation_switch(void **save, void *load);
__asm__(R"(
.text
.globl awqm_emulation_switch
.hidden awqm_emulation_switch
.type awqm_emulation_switch,@function
awqm_emulation_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size awqm_emulation_switch,.-awqm_emulation_switch
)");

thread_local void *scheduler_context;

void prepare(Fiber &fiber) {
    auto top = (reinterpret_cast<uintptr_t>(fiber.stack) + STACK_BYTES) & ~uintptr_t{15};
    void **sp = reinterpret_cast<void **>(top);
    *--sp = nullptr;  // where a return address would be, so that first_run finds the stack aligned as after a call
    *--sp = reinterpret_cast<void *>(first_run);
    for (int i = 0; i < 6; i++) *--sp = nullptr;
    fiber.context = sp;
}
void switch_to(Fiber &fiber) { awqm_emulation_switch(&scheduler_context, fiber.context); }
void switch_back(Fiber &fiber) { awqm_emulation_switch(&fiber.context, scheduler_context); }
void forget(Fiber &fiber) { fiber.context = nullptr; }

#else

thread_local ucontext_t scheduler_context;

void prepare(Fiber &fiber) {
    auto *context = new ucontext_t;
    getcontext(context);
    context->uc_stack.ss_sp = fiber.stack;
    context->uc_stack.ss_size = STACK_BYTES;
    context->uc_link = nullptr;
    makecontext(context, first_run, 0);
    fiber.context = context;
}
void switch_to(Fiber &fiber) { swapcontext(&scheduler_context, static_cast<ucontext_t *>(fiber.context)); }
void switch_back(Fiber &fiber) { swapcontext(static_cast<ucontext_t *>(fiber.context), &scheduler_context); }
void forget(Fiber &fiber) {
    delete static_cast<ucontext_t *>(fiber.context);
    fiber.context = nullptr;
}

#endif

}  // namespace

void resume(Fiber &fiber) {
    if (!fiber.context) {
        fiber.stack = stacks.take();
        prepare(fiber);
    }
    current = &fiber;
    before_fiber(fiber);
    switch_to(fiber);
    in_scheduler_again();
    current = nullptr;
    if (fiber.state == State::Done) release(fiber);
}

void suspend() {
    Fiber &me = *current;
    void *fake = before_scheduler(me.state == State::Done);
    switch_back(me);
    in_fiber(fake);
}

void release(Fiber &fiber) {
    if (!fiber.context) return;
    forget(fiber);
    stacks.give(fiber.stack);
    fiber.stack = nullptr;
}

}  // namespace awqm::emulation
