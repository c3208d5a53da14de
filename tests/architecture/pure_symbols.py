"""Fail when an archive of a pure module references a socket, thread, lock, clock, file, process or random symbol.

  pure_symbols.py ARCHIVE...

The protocol's state machines run unchanged under the deterministic simulator; one hidden look at the clock would make
two runs of one seed differ.
"""
import re
import subprocess
import sys

# What a pure module must not reference, by reason. C names are whole symbols, C++ names are prefixes.
FORBIDDEN_C = {
    "socket": "socket connect bind listen accept accept4 send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg"
              " shutdown getsockopt setsockopt getaddrinfo gethostbyname poll ppoll select epoll_create1 epoll_wait"
              " epoll_ctl eventfd pipe pipe2 socketpair",
    "thread or lock": "pthread_create pthread_join pthread_detach pthread_mutex_lock pthread_mutex_trylock"
                      " pthread_rwlock_rdlock pthread_rwlock_wrlock pthread_cond_wait pthread_cond_timedwait"
                      " pthread_cond_clockwait sem_wait sem_post",
    "clock": "clock_gettime gettimeofday time localtime localtime_r gmtime mktime strftime timer_create"
             " timerfd_create sleep usleep nanosleep clock_nanosleep alarm setitimer",
    "file": "open open64 openat openat64 creat fopen fopen64 fdopen freopen read write pread pread64 pwrite pwrite64"
            " mmap mmap64 stat fstat unlink rename mkdir opendir readdir tmpfile mkstemp fsync",
    "randomness": "getrandom getentropy rand rand_r srand random srandom drand48 arc4random",
    "process or environment": "getenv secure_getenv setenv putenv fork vfork execve execvp posix_spawn posix_spawnp"
                              " system popen dlopen kill raise signal sigaction getpid gethostname syscall",
}
FORBIDDEN_CXX = {
    "thread or lock": ("std::thread::", "std::jthread", "std::this_thread", "std::mutex", "std::condition_variable",
                       "std::__future_base", "std::__atomic_wait", "std::call_once"),
    "clock": ("std::chrono::_V2::",),
    "file": ("std::basic_filebuf", "std::basic_ifstream", "std::basic_ofstream", "std::basic_fstream",
             "std::filesystem::", "std::cin", "std::cout", "std::cerr"),
    "randomness": ("std::random_device",),
    "socket": ("asio::",),
    "log": ("spdlog::",),
}

# Symbols that the rules above hit and that are right after all: (archive's module, symbol) -> why.
ALLOWED: dict[tuple[str, str], str] = {}

C_REASON = {name: reason for reason, names in FORBIDDEN_C.items() for name in names.split()}


def reason_against(symbol: str) -> str | None:
    """Say why a pure module must not reference `symbol` (demangled), or None when it may."""
    plain = symbol.split("@")[0]
    if plain in C_REASON:
        return C_REASON[plain]
    # A demangled C++ symbol may start with words like "vtable for"; look at the name itself.
    name = re.sub(r"^(vtable|typeinfo|typeinfo name|VTT|guard variable|non-virtual thunk) (for|to) ", "", plain)
    for reason, prefixes in FORBIDDEN_CXX.items():
        if name.startswith(prefixes):
            return reason
    return None


def references(archive: str) -> list[tuple[str, str]]:
    """(object file, undefined symbol) of an archive."""
    text = subprocess.run(["nm", "--undefined-only", "--demangle", "--print-file-name", archive],
                          capture_output=True, text=True, check=True).stdout
    found = []
    for line in text.splitlines():
        place, _, symbol = line.partition(": ")
        symbol = re.sub(r"^\s*[Uwv] ", "", symbol)
        found.append((place.rsplit(":", 1)[-1], symbol))
    return found


def violations(archive: str) -> list[str]:
    module = re.sub(r".*/libsteelyard_(\w+)\.a$", r"\1", archive)
    listed = []
    for place, symbol in references(archive):
        reason = reason_against(symbol)
        if reason and (module, symbol) not in ALLOWED:
            listed.append(f"{module}: {place} references {symbol}: {reason}")
    return listed


def main() -> int:
    archives = sys.argv[1:]
    found = [line for archive in archives for line in violations(archive)]
    for line in found:
        print(f"FAILED: {line}")
    if found:
        print("A pure module gets time, randomness and messages through its arguments (Transport, Executor); move the "
              "code that touches the world to runtime/, transport/, data/ or bin/.")
    bad = len({line.split(":")[0] for line in found})
    print(f"{len(archives) - bad} passed, {bad} failed, 0 skipped")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
