//! Seccomp: which system calls this process can make from here on.
//!
//! Two filters lie on each other. One kills the process for a call that no scan makes and an intruder would. The other
//! lets only known calls through; for all others the kernel seems not to have them, so that libc takes an older one.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::libc;
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

use crate::protect::Measure;

/// A system call, and when a filter matches it: always, or by its arguments.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;
type Build<T> = Result<T, BackendError>;

/// Reading, waiting, memory, threads, leaving.
const ALLOWED: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_capget,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fgetxattr,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_futex,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getgroups,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_getrlimit,
    libc::SYS_getrusage,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_getxattr,
    libc::SYS_lgetxattr,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_openat2,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_write,
    libc::SYS_writev,
];

/// The older forms that only x86 has.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[i64] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_getdents,
    libc::SYS_lstat,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_stat,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[i64] = &[];

/// What an intruder would do: other processes, other programs, the network, other rights, the machine, changes to files.
const FORBIDDEN: &[i64] = &[
    // Other processes.
    libc::SYS_kill,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_kcmp,
    // Other programs.
    libc::SYS_execve,
    libc::SYS_execveat,
    // The network.
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_listen,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_socket,
    libc::SYS_socketpair,
    // Other rights, other namespaces.
    libc::SYS_capset,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_setfsgid,
    libc::SYS_setfsuid,
    libc::SYS_setgid,
    libc::SYS_setgroups,
    libc::SYS_setns,
    libc::SYS_setregid,
    libc::SYS_setresgid,
    libc::SYS_setresuid,
    libc::SYS_setreuid,
    libc::SYS_setuid,
    libc::SYS_unshare,
    // Mounts.
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_umount2,
    // The kernel and the machine.
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_perf_event_open,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_sethostname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_userfaultfd,
    // Files.
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_fremovexattr,
    libc::SYS_fsetxattr,
    libc::SYS_linkat,
    libc::SYS_lremovexattr,
    libc::SYS_lsetxattr,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_open_by_handle_at,
    libc::SYS_removexattr,
    libc::SYS_setxattr,
    libc::SYS_symlinkat,
    libc::SYS_truncate,
    libc::SYS_utimensat,
];

#[cfg(target_arch = "x86_64")]
const FORBIDDEN_HERE: &[i64] = &[
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_creat,
    libc::SYS_fork,
    libc::SYS_lchown,
    libc::SYS_link,
    libc::SYS_mkdir,
    libc::SYS_mknod,
    libc::SYS_rename,
    libc::SYS_rmdir,
    libc::SYS_symlink,
    libc::SYS_unlink,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_vfork,
];
#[cfg(not(target_arch = "x86_64"))]
const FORBIDDEN_HERE: &[i64] = &[];

/// Flags of open(2) with which something is written or made.
const WRITING: [i32; 4] = [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC];

/// Requests of prctl(2) that change nothing but a thread's name and the names of its memory.
const PRCTL: [i32; 6] = [
    libc::PR_CAPBSET_READ,
    libc::PR_GET_DUMPABLE,
    libc::PR_GET_NO_NEW_PRIVS,
    libc::PR_GET_SECCOMP,
    libc::PR_SET_NAME,
    libc::PR_SET_VMA,
];

/// Requests of fcntl(2) that concern a descriptor alone; F_SETOWN and its like send signals.
const FCNTL: [i32; 6] =
    [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_GETFL, libc::F_SETFD, libc::F_SETFL];

/// Requests of ioctl(2): is it a terminal, and how wide? The same on all machines of ours; libc's types differ.
const TERMINAL: [i32; 2] = [0x5401, 0x5413];

pub(super) fn confine(folders: &[BorrowedFd<'_>]) -> Measure {
    let measure = |in_force, words| Measure { name: "seccomp", in_force, words };
    match filter(folders) {
        Ok(()) => measure(true, "known system calls only".to_owned()),
        Err(error) => measure(false, error.to_string()),
    }
}

fn filter(folders: &[BorrowedFd<'_>]) -> Result<(), Error> {
    let folders: Vec<u64> = folders.iter().filter_map(|folder| u64::try_from(folder.as_raw_fd()).ok()).collect();
    let killing = program(forbidden(&folders)?, SeccompAction::Allow, SeccompAction::KillProcess)?;
    let unknown = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let known = program(allowed(&folders)?, unknown, SeccompAction::Allow)?;
    apply_filter_all_threads(&killing)?;
    apply_filter_all_threads(&known)
}

fn program(rules: Rules, otherwise: SeccompAction, matched: SeccompAction) -> Build<BpfProgram> {
    let machine = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, otherwise, matched, machine)?.try_into()
}

fn allowed(folders: &[u64]) -> Build<Rules> {
    let mut rules = always(&[ALLOWED, ALLOWED_HERE]);
    let me = u64::from(std::process::id());
    let none = |flags: u8| all(&[is_clear(flags, writing())]);
    let mut opens = vec![none(2)?];
    let mut renames = Vec::new();
    let mut unlinks = Vec::new();
    for folder in folders {
        opens.push(all(&[is(0, *folder)])?);
        renames.push(all(&[is(0, *folder), is(2, *folder)])?);
        unlinks.push(all(&[is(0, *folder)])?);
    }
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, vec![none(1)?]);
    rules.insert(libc::SYS_openat, opens);
    if !folders.is_empty() {
        rules.insert(libc::SYS_renameat, renames.clone());
        rules.insert(libc::SYS_renameat2, renames);
        rules.insert(libc::SYS_unlinkat, unlinks);
    }
    let thread = libc::CLONE_THREAD.unsigned_abs();
    rules.insert(libc::SYS_clone, vec![all(&[has(0, thread)])?]);
    rules.insert(libc::SYS_tgkill, vec![all(&[is(0, me)])?]);
    // Its own limits, to be read.
    rules.insert(libc::SYS_prlimit64, vec![all(&[is(0, 0), is_null(2)])?]);
    rules.insert(libc::SYS_fcntl, one_of(1, &FCNTL)?);
    rules.insert(libc::SYS_prctl, one_of(0, &PRCTL)?);
    rules.insert(libc::SYS_ioctl, one_of(1, &TERMINAL)?);
    Ok(rules)
}

fn forbidden(folders: &[u64]) -> Build<Rules> {
    let mut rules = always(&[FORBIDDEN, FORBIDDEN_HERE]);
    let elsewhere = |argument: u8| folders.iter().map(move |folder| is_not(argument, *folder));
    let mut opens = Vec::new();
    for flag in WRITING {
        let conditions: Vec<_> = std::iter::once(has(2, flag.unsigned_abs())).chain(elsewhere(0)).collect();
        opens.push(all(&conditions)?);
    }
    rules.insert(libc::SYS_openat, opens);
    #[cfg(target_arch = "x86_64")]
    {
        let written = WRITING.iter().map(|flag| all(&[has(1, flag.unsigned_abs())]));
        rules.insert(libc::SYS_open, written.collect::<Build<_>>()?);
    }
    // Without a folder for reports there are no conditions, and no rule means always.
    let outside = |argument: u8| -> Build<Vec<SeccompRule>> {
        let conditions: Vec<_> = elsewhere(argument).collect();
        if conditions.is_empty() { Ok(Vec::new()) } else { Ok(vec![all(&conditions)?]) }
    };
    let renames: Vec<_> = outside(0)?.into_iter().chain(outside(2)?).collect();
    rules.insert(libc::SYS_renameat, renames.clone());
    rules.insert(libc::SYS_renameat2, renames);
    rules.insert(libc::SYS_unlinkat, outside(0)?);
    rules.insert(libc::SYS_clone, vec![all(&[is_clear(0, libc::CLONE_THREAD.unsigned_abs())])?]);
    rules.insert(libc::SYS_tgkill, vec![all(&[is_not(0, u64::from(std::process::id()))])?]);
    Ok(rules)
}

/// These calls, whatever their arguments.
fn always(lists: &[&[i64]]) -> Rules {
    let mut rules = Rules::new();
    rules.extend(lists.iter().copied().flatten().map(|call| (*call, Vec::new())));
    rules
}

/// An argument is one of these.
fn one_of(argument: u8, values: &[i32]) -> Build<Vec<SeccompRule>> {
    values.iter().map(|value| all(&[is(argument, u64::from(value.unsigned_abs()))])).collect()
}

fn writing() -> u32 {
    WRITING.iter().fold(0, |bits, flag| bits | flag.unsigned_abs())
}

/// One comparison of an argument.
#[derive(Clone, Copy)]
struct Comparison {
    argument: u8,
    operator: fn(u64) -> (SeccompCmpOp, u64),
    value: u64,
    wide: bool,
}

fn is(argument: u8, value: u64) -> Comparison {
    Comparison { argument, operator: |value| (SeccompCmpOp::Eq, value), value, wide: false }
}

fn is_not(argument: u8, value: u64) -> Comparison {
    Comparison { argument, operator: |value| (SeccompCmpOp::Ne, value), value, wide: false }
}

fn is_null(argument: u8) -> Comparison {
    Comparison { wide: true, ..is(argument, 0) }
}

fn has(argument: u8, bits: u32) -> Comparison {
    Comparison { operator: |bits| (SeccompCmpOp::MaskedEq(bits), bits), ..is(argument, bits.into()) }
}

fn is_clear(argument: u8, bits: u32) -> Comparison {
    Comparison { operator: |bits| (SeccompCmpOp::MaskedEq(bits), 0), ..is(argument, bits.into()) }
}

/// The rule that all of these hold.
fn all(comparisons: &[Comparison]) -> Build<SeccompRule> {
    let condition = |comparison: &Comparison| {
        let (operator, value) = (comparison.operator)(comparison.value);
        let length = if comparison.wide { SeccompCmpArgLen::Qword } else { SeccompCmpArgLen::Dword };
        SeccompCondition::new(comparison.argument, length, operator, value)
    };
    SeccompRule::new(comparisons.iter().map(condition).collect::<Build<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_both_allowed_and_forbidden_and_filters_are_made() {
        for folders in [&[][..], &[7], &[7, 8, 9]] {
            let (allowed, forbidden) = (allowed(folders).unwrap(), forbidden(folders).unwrap());
            for (call, rules) in &allowed {
                let killed = forbidden.get(call);
                assert!(killed.is_none_or(|killed| !killed.is_empty() && !rules.is_empty()), "{call}");
            }
            program(allowed, SeccompAction::KillProcess, SeccompAction::Allow).unwrap();
            program(forbidden, SeccompAction::Allow, SeccompAction::KillProcess).unwrap();
        }
    }
}
