//! A ticket plugin in Rust, straight over the C headers (include/dispatch/abi), which are mirrored here as far as they are used.
//! It takes the incident's name out of the request and answers with it.
use std::os::raw::c_void;
use std::ptr;

type Status = i32;
const OK: Status = 0;
const ERR_INVALID: Status = -1;
const ERR_UNSUPPORTED: Status = -7;
const ERR_LIMIT: Status = -10;
const EFFECT_IDEMPOTENT: u32 = 2;

/// dispatch_str: borrowed, not ended by NUL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    ptr: *const u8,
    len: u64,
}

impl Str {
    const fn of(text: &'static str) -> Str {
        Str { ptr: text.as_ptr(), len: text.len() as u64 }
    }
    /// # Safety
    /// The bytes must outlive the slice: inputs are borrowed for the call.
    unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.ptr.is_null() { &[] } else { std::slice::from_raw_parts(self.ptr, self.len as usize) }
    }
}

/// dispatch_call (call.h)
#[repr(C)]
pub struct Call {
    struct_size: u32,
    flags: u32,
    request_id: u64,
    deadline_ns: u64,
    trace_id: [u8; 16],
    span_id: [u8; 8],
    idempotency_key: Str,
    host_data: *mut c_void,
    alloc: unsafe extern "C" fn(*const Call, u64, u64) -> *mut c_void,
    fail: unsafe extern "C" fn(*const Call, Status, Str, u32) -> Status,
    // What follows is not used here: a struct of the host is only ever looked at through a pointer.
}

#[repr(C)]
struct Method {
    struct_size: u32,
    effect: u32,
    contract_revision: u32,
    reserved: u32,
    name: Str,
}

#[repr(C)]
struct Integration {
    struct_size: u32,
    method_count: u32,
    methods: *const *const Method,
    invoke: unsafe extern "C" fn(*mut c_void, *const Call, Str, Str, *mut Str) -> Status,
}

type Control = Option<unsafe extern "C" fn(*mut c_void, *const Call) -> Status>;

/// dispatch_plugin_v1 (plugin.h)
#[repr(C)]
pub struct Plugin {
    struct_size: u32,
    abi_minor: u32,
    id: Str,
    version: Str,
    build_info: Str,
    create: unsafe extern "C" fn(*const c_void, *const Call, Str, *mut *mut c_void) -> Status,
    start: Control,
    reconfigure: Option<unsafe extern "C" fn(*mut c_void, *const Call, Str, u64) -> Status>,
    drain: Control,
    stop: Control,
    destroy: unsafe extern "C" fn(*mut c_void),
    get_interface: unsafe extern "C" fn(*mut c_void, Str) -> *const c_void,
}

/// Tables are constant, so any thread may read them.
struct Table<T>(T);
unsafe impl<T> Sync for Table<T> {}

/// What an instance would keep.
struct RustTicket;

unsafe extern "C" fn create(_host: *const c_void, _call: *const Call, _config: Str, out: *mut *mut c_void) -> Status {
    *out = Box::into_raw(Box::new(RustTicket)).cast();
    OK
}

unsafe extern "C" fn destroy(instance: *mut c_void) {
    drop(Box::from_raw(instance.cast::<RustTicket>()));
}

unsafe fn fail(call: *const Call, status: Status, message: &'static str) -> Status {
    ((*call).fail)(call, status, Str::of(message), 0)
}

/// An answer has to be in the memory of its call, which the host frees.
unsafe fn answer(call: *const Call, text: &[u8], out: *mut Str) -> Status {
    let memory = ((*call).alloc)(call, text.len() as u64, 1).cast::<u8>();
    if memory.is_null() {
        return fail(call, ERR_LIMIT, "There is no memory for the answer.");
    }
    ptr::copy_nonoverlapping(text.as_ptr(), memory, text.len());
    *out = Str { ptr: memory, len: text.len() as u64 };
    OK
}

/// The text of the first "name" after "incident", as it stands between its quotes; enough for an example.
fn incident_name(input: &[u8]) -> Option<&[u8]> {
    let after = |text: &[u8], key: &[u8]| text.windows(key.len()).position(|part| part == key).map(|at| at + key.len());
    let incident = &input[after(input, b"\"incident\":")?..];
    let name = &incident[after(incident, b"\"name\":\"")?..];
    name.iter().position(|byte| *byte == b'"').map(|end| &name[..end])
}

unsafe extern "C" fn invoke(_instance: *mut c_void, call: *const Call, method: Str, input: Str, out: *mut Str) -> Status {
    match method.bytes() {
        b"create" => match incident_name(input.bytes()) {
            Some(name) => answer(call, &[b"{\"resource_id\":\"", name, b"\",\"weblink\":\"\"}"].concat(), out),
            None => fail(call, ERR_INVALID, "The incident has no name."),
        },
        b"update" => answer(call, b"{}", out),
        _ => fail(call, ERR_UNSUPPORTED, "This plugin creates and updates tickets only."),
    }
}

const fn method(name: &'static str) -> Method {
    Method {
        struct_size: std::mem::size_of::<Method>() as u32,
        effect: EFFECT_IDEMPOTENT,
        contract_revision: 1,
        reserved: 0,
        name: Str::of(name),
    }
}

static CREATE: Table<Method> = Table(method("create"));
static UPDATE: Table<Method> = Table(method("update"));
static METHODS: Table<[*const Method; 2]> = Table([&CREATE.0, &UPDATE.0]);
static INTEGRATION: Table<Integration> = Table(Integration {
    struct_size: std::mem::size_of::<Integration>() as u32,
    method_count: 2,
    methods: &METHODS.0 as *const *const Method,
    invoke,
});

unsafe extern "C" fn get_interface(_instance: *mut c_void, id: Str) -> *const c_void {
    match id.bytes() {
        b"dispatch.integration/1" => (&INTEGRATION.0 as *const Integration).cast(),
        _ => ptr::null(),
    }
}

static PLUGIN: Table<Plugin> = Table(Plugin {
    struct_size: std::mem::size_of::<Plugin>() as u32,
    abi_minor: 0,
    id: Str::of(env!("DISPATCH_PLUGIN_ID")),
    version: Str::of(env!("DISPATCH_PLUGIN_VERSION")),
    build_info: Str::of("rustc, edition 2021"),
    create,
    start: None,
    reconfigure: None,
    drain: None,
    stop: None,
    destroy,
    get_interface,
});

#[no_mangle]
pub extern "C" fn dispatch_plugin_query_v1() -> *const Plugin {
    &PLUGIN.0
}
