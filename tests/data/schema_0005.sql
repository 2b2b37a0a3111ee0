BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0005');
CREATE TABLE answers (
	hash TEXT NOT NULL, 
	content TEXT NOT NULL, 
	made_at DATETIME NOT NULL, 
	CONSTRAINT pk_answers PRIMARY KEY (hash)
);
CREATE TABLE bodies (
	hash TEXT NOT NULL, 
	content TEXT NOT NULL, 
	CONSTRAINT pk_bodies PRIMARY KEY (hash)
);
INSERT INTO "bodies" VALUES('made-up','{"text": "hello"}');
CREATE TABLE builds (
	topic TEXT NOT NULL, 
	day DATE NOT NULL, 
	state TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_at DATETIME NOT NULL, 
	CONSTRAINT pk_builds PRIMARY KEY (topic, day)
);
CREATE TABLE clouds (
	report_id INTEGER NOT NULL, 
	png BLOB NOT NULL, 
	CONSTRAINT pk_clouds PRIMARY KEY (report_id), 
	CONSTRAINT fk_clouds_reports FOREIGN KEY(report_id) REFERENCES reports (id)
);
CREATE TABLE deliveries (
	id INTEGER NOT NULL, 
	subscription_id INTEGER NOT NULL, 
	platform TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	day DATE NOT NULL, 
	report DATE, 
	due_at DATETIME NOT NULL, 
	late BOOLEAN NOT NULL, 
	noted BOOLEAN NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	CONSTRAINT pk_deliveries PRIMARY KEY (id), 
	CONSTRAINT fk_deliveries_subscriptions FOREIGN KEY(subscription_id) REFERENCES subscriptions (id), 
	CONSTRAINT uq_deliveries_day UNIQUE (subscription_id, day), 
	CONSTRAINT uq_deliveries_report UNIQUE (subscription_id, report)
);
INSERT INTO "deliveries" VALUES(1,1,'telegram','ai','2025-12-08','2025-12-06','2025-12-08 08:00:00.000000',0,0,'open','');
CREATE TABLE drops (
	report_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	step TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	"of" TEXT NOT NULL, 
	CONSTRAINT pk_drops PRIMARY KEY (report_id, position), 
	CONSTRAINT fk_drops_reports FOREIGN KEY(report_id) REFERENCES reports (id)
);
CREATE TABLE imports (
	report_id INTEGER NOT NULL, 
	content BLOB NOT NULL, 
	CONSTRAINT pk_imports PRIMARY KEY (report_id), 
	CONSTRAINT fk_imports_reports FOREIGN KEY(report_id) REFERENCES reports (id)
);
CREATE TABLE items (
	report_id INTEGER NOT NULL, 
	section INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	"group" TEXT NOT NULL, 
	title TEXT NOT NULL, 
	text TEXT NOT NULL, 
	cites JSON NOT NULL, 
	status TEXT NOT NULL, 
	CONSTRAINT pk_items PRIMARY KEY (report_id, section, position), 
	CONSTRAINT fk_items_sections FOREIGN KEY(report_id, section) REFERENCES sections (report_id, position)
);
INSERT INTO "items" VALUES(1,0,0,'','','共收集 2 条帖子。','[]','note');
INSERT INTO "items" VALUES(1,1,0,'','Meridian 3.2 Pro is out','It scores 81.2%.','["x:1"]','extractive');
CREATE TABLE leases (
	role TEXT NOT NULL, 
	holder TEXT NOT NULL, 
	until DATETIME NOT NULL, 
	CONSTRAINT pk_leases PRIMARY KEY (role)
);
CREATE TABLE model_servers (
	base_url TEXT NOT NULL, 
	model TEXT NOT NULL, 
	learned JSON NOT NULL, 
	CONSTRAINT pk_model_servers PRIMARY KEY (base_url, model)
);
CREATE TABLE parts (
	id INTEGER NOT NULL, 
	delivery_id INTEGER NOT NULL, 
	platform TEXT NOT NULL, 
	chat TEXT NOT NULL, 
	thread TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	space TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	nonce TEXT NOT NULL, 
	body TEXT NOT NULL, 
	state TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	tried_at DATETIME, 
	again_at DATETIME, 
	message TEXT NOT NULL, 
	error TEXT NOT NULL, 
	CONSTRAINT pk_parts PRIMARY KEY (id), 
	CONSTRAINT fk_parts_deliveries FOREIGN KEY(delivery_id) REFERENCES deliveries (id), 
	CONSTRAINT fk_parts_bodies FOREIGN KEY(body) REFERENCES bodies (hash), 
	CONSTRAINT uq_parts UNIQUE (delivery_id, position)
);
INSERT INTO "parts" VALUES(1,1,'telegram','7','','private','',0,'made-up','made-up','waiting',0,NULL,NULL,'','');
CREATE TABLE platform_notes (
	platform TEXT NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_platform_notes PRIMARY KEY (platform, name)
);
CREATE TABLE posts (
	topic TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	source TEXT NOT NULL, 
	stream TEXT NOT NULL, 
	day DATE NOT NULL, 
	author TEXT NOT NULL, 
	author_name TEXT NOT NULL, 
	text TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	url TEXT NOT NULL, 
	lang TEXT NOT NULL, 
	metrics JSON NOT NULL, 
	links JSON NOT NULL, 
	CONSTRAINT pk_posts PRIMARY KEY (topic, "key"), 
	CONSTRAINT fk_posts_topics FOREIGN KEY(topic) REFERENCES topics (name)
);
INSERT INTO "posts" VALUES('ai','x:1','x','x_list','2025-12-06','ada','Ada','Meridian 3.2 Pro is out and scores 81.2%.','2025-12-06 09:30:00.000000','https://x.com/ada/status/1','en','{}','[]');
INSERT INTO "posts" VALUES('ai','x:2','x','x_list','2025-12-06','bob','Bob','Kitewick 完成融资。','2025-12-06 09:30:00.000000','https://x.com/bob/status/2','en','{}','[]');
CREATE TABLE reports (
	id INTEGER NOT NULL, 
	topic TEXT NOT NULL, 
	first DATE NOT NULL, 
	last DATE NOT NULL, 
	language TEXT NOT NULL, 
	writer TEXT NOT NULL, 
	counts JSON NOT NULL, 
	sources JSON NOT NULL, 
	cost JSON NOT NULL, 
	posts JSON NOT NULL, 
	wordcounts JSON NOT NULL, 
	created_at DATETIME, quality JSON, 
	CONSTRAINT pk_reports PRIMARY KEY (id), 
	CONSTRAINT fk_reports_topics FOREIGN KEY(topic) REFERENCES topics (name), 
	CONSTRAINT uq_reports UNIQUE (topic, last, first)
);
INSERT INTO "reports" VALUES(1,'ai','2025-12-06','2025-12-06','zh','extractive','{"collected": 2}','[{"name": "x_list", "posts": 2, "ok": true, "note": ""}]','{"calls": 0, "prompt_tokens": 0, "answer_tokens": 0, "usd": 0.0}','{"x:1": {"author": "ada", "url": "https://x.com/ada/status/1", "text": "Meridian 3.2 Pro is out and scores 81.2%.", "created_at": "2025-12-06T09:30:00+00:00"}, "x:2": {"author": "bob", "url": "https://x.com/bob/status/2", "text": "Kitewick 完成融资。", "created_at": "2025-12-06T09:30:00+00:00"}}','{"Meridian": 1}',NULL,NULL);
CREATE TABLE sections (
	report_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	title TEXT NOT NULL, 
	CONSTRAINT pk_sections PRIMARY KEY (report_id, position), 
	CONSTRAINT fk_sections_reports FOREIGN KEY(report_id) REFERENCES reports (id)
);
INSERT INTO "sections" VALUES(1,0,'overview','overview');
INSERT INTO "sections" VALUES(1,1,'points','points');
INSERT INTO "sections" VALUES(1,2,'views','views');
INSERT INTO "sections" VALUES(1,3,'events','events');
INSERT INTO "sections" VALUES(1,4,'markets','markets');
INSERT INTO "sections" VALUES(1,5,'ai','ai');
INSERT INTO "sections" VALUES(1,6,'finance','finance');
INSERT INTO "sections" VALUES(1,7,'filtered','filtered');
INSERT INTO "sections" VALUES(1,8,'cloud','cloud');
CREATE TABLE spending (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	day DATE NOT NULL, 
	topic TEXT NOT NULL, 
	model TEXT NOT NULL, 
	prompt_tokens INTEGER NOT NULL, 
	answer_tokens INTEGER NOT NULL, 
	usd FLOAT, 
	settled BOOLEAN NOT NULL, 
	CONSTRAINT pk_spending PRIMARY KEY (id)
);
CREATE TABLE subscriptions (
	id INTEGER NOT NULL, 
	platform TEXT NOT NULL, 
	chat TEXT NOT NULL, 
	thread TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	space TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	at TEXT NOT NULL, 
	timezone TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	ended TEXT NOT NULL, 
	weekdays TEXT NOT NULL, 
	language TEXT NOT NULL, 
	length TEXT NOT NULL, 
	sections JSON NOT NULL, 
	highlight JSON NOT NULL, 
	without JSON NOT NULL, 
	paused BOOLEAN NOT NULL, 
	next_at DATETIME, 
	CONSTRAINT pk_subscriptions PRIMARY KEY (id), 
	CONSTRAINT uq_subscriptions UNIQUE (platform, chat, thread, topic)
);
INSERT INTO "subscriptions" VALUES(1,'telegram','7','','ai','','private','16:00','Asia/Shanghai','2025-12-01 08:00:00.000000','','0123456','','brief','[]','[]','[]',0,'2025-12-09 08:00:00.000000');
CREATE TABLE topics (
	name TEXT NOT NULL, 
	title JSON NOT NULL, 
	slug TEXT NOT NULL, 
	CONSTRAINT pk_topics PRIMARY KEY (name)
);
INSERT INTO "topics" VALUES('ai','{"zh": "人工智能", "en": "AI"}','twitter_ai');
CREATE TABLE updates (
	platform TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_updates PRIMARY KEY (platform, "key")
);
CREATE INDEX ix_posts_topic ON posts (topic, day);
CREATE INDEX ix_spending_day ON spending (day);
CREATE INDEX ix_subscriptions_next_at ON subscriptions (next_at);
CREATE INDEX ix_deliveries_platform ON deliveries (platform, state);
CREATE INDEX ix_deliveries_due_at ON deliveries (due_at);
CREATE INDEX ix_parts_turn ON parts (platform, state, id);
CREATE INDEX ix_parts_chat ON parts (platform, chat, state, id);
COMMIT;
